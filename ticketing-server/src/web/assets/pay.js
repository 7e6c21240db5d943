// Stripe's own form for a card: what is typed there goes to Stripe alone, which tells the server.

const form = document.querySelector('form[data-stripe]');
const { stripe: key, order, amount, currency, failed } = form.dataset;
const button = form.querySelector('button');
const told = form.querySelector('[role=alert]');
const page = `/orders/${order}`;

async function pay(stripe, elements) {
  const typed = await elements.submit();
  if (typed.error) return typed.error.message;
  const answer = await fetch('/api/payments/intents', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId: order }),
  });
  const opened = await answer.json();
  if (!answer.ok) return opened.errors[0].message;
  if (!opened.clientSecret) return '';
  const confirmed = await stripe.confirmPayment({
    elements,
    clientSecret: opened.clientSecret,
    confirmParams: { return_url: location.origin + page },
    redirect: 'if_required',
  });
  return confirmed.error?.message ?? '';
}

if (window.Stripe) {
  const stripe = window.Stripe(key, { locale: document.documentElement.lang });
  const elements = stripe.elements({
    mode: 'payment', amount: Number(amount), currency, captureMethod: 'manual',
    appearance: { theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'night' : 'stripe' },
  });
  elements.create('payment').mount(form.querySelector('[data-card]'));
  button.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    // A page that loads anew now would take the bank's question away from its visitor.
    document.body.dataset.busy = 'yes';
    told.textContent = '';
    const why = await pay(stripe, elements).catch(() => failed);
    delete document.body.dataset.busy;
    if (!why) location.replace(page);
    told.textContent = why;
    button.disabled = false;
  });
} else {
  told.textContent = failed;
}
