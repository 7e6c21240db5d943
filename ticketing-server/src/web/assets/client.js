// What makes the pages live. Each of them works without it.

const words = JSON.parse(document.body.dataset.words);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// Moments, in the visitor's own time zone and way of writing.
const moment = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: 'medium', timeStyle: 'short',
});
for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = moment.format(new Date(time.dateTime));
}

// A form for a moment: in the visitor's time zone, if it is empty. One that is filled in is in UTC.
const zone = document.querySelector('input[name=zone]');
const startsAt = document.querySelector('input[name=starts_at]');
if (zone && startsAt && !startsAt.value) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const label = startsAt.labels[0];
  label.textContent = label.textContent.replace(zone.value, here);
  zone.value = here;
}

// A button that was pressed once does nothing the second time, and its answer is waited for: a page that
// loads anew meanwhile would never see it.
let isSent = false;
for (const form of document.querySelectorAll('form[method=post]:not([data-stripe])')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    isSent = true;
    // Nothing came of it, such as when the visitor stopped it: it can be pressed again.
    setTimeout(() => { delete form.dataset.sent; isSent = false; }, 15000);
  });
}
// A page that comes back from the browser's memory can be used again, and is read anew.
addEventListener('pageshow', (event) => { if (event.persisted) location.replace(location.href); });
// What was just done is told once.
if (new URLSearchParams(location.search).has('done')) history.replaceState(null, '', location.pathname);

// Listens to the server, and says since when it does not hear it.
const connection = document.getElementById('connection');
const lastSeen = document.getElementById('last-seen');
let lostAt = 0;
function hears(isHeard) {
  if (isHeard) lostAt = 0;
  else lostAt ||= Date.now();
  connection.textContent = isHeard ? '' : words.connectionLost;
  if (isHeard) lastSeen.textContent = '';
}
setInterval(() => {
  if (lostAt) lastSeen.textContent = fill(words.lastSeen, { n: Math.round((Date.now() - lostAt) / 1000) });
}, 1000);
let source;
function listen(address, handlers, refused, wait = 5000) {
  source = new EventSource(address);
  source.onopen = () => { wait = 5000; hears(true); };
  source.onerror = () => {
    hears(false);
    // A connection that was cut is made again by the browser. A refusal is asked about, and later again.
    if (source.readyState !== EventSource.CLOSED) return;
    refused?.();
    setTimeout(() => listen(address, handlers, refused, Math.min(60000, wait * 2)), wait * (1 + Math.random()));
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
}
addEventListener('pagehide', () => source?.close());

// What is left of the tickets on this page.
const tickets = new Map();
for (const element of document.querySelectorAll('[data-ticket]')) tickets.set(element.dataset.ticket, element);
const versions = new Map();
function leftOf(units) {
  if (!units.onSale) return words.withdrawn;
  if (units.available === 1) return words.leftOne;
  if (units.available > 0) return fill(words.leftMany, { n: units.available });
  return units.held > 0 ? words.allHeld : words.soldOut;
}
function showUnits(element, units) {
  const left = element.querySelector('[data-left]');
  const isOpen = units.onSale && units.available > 0;
  // A page that lets its visitor reserve, or does not, is another one by now.
  const { open, closed } = element.dataset;
  if (open && !closed && isOpen !== (open === 'yes') && !isSent) {
    location.replace(location.pathname);
    return;
  }
  // What is closed for its dates stays so until the page is loaded again.
  if (left && !closed && (left.textContent !== leftOf(units))) {
    left.textContent = leftOf(units);
    left.classList.toggle('closed', !isOpen);
  }
  const meter = element.querySelector('[data-meter]');
  if (meter) {
    const free = units.onSale ? units.available : 0;
    meter.textContent = fill(words.meter, { sold: units.sold, held: units.held, free });
    const share = (count) => (units.quantity ? 100 * count / units.quantity : 0);
    element.querySelector('[data-sold]').setAttribute('width', share(units.sold));
    element.querySelector('[data-held]').setAttribute('width', share(units.sold + units.held));
  }
}
if (tickets.size) {
  // The newest tickets need not be named, and then whoever shares an address can look at them too.
  const named = document.querySelector('[data-newest]') ? '' : `?ids=${[...tickets.keys()].slice(0, 100).join(',')}`;
  listen(`/api/tickets/live${named}`, {
    availability: (changed) => {
      for (const units of changed) {
        const element = tickets.get(units.id);
        if (!element || units.version <= (versions.get(units.id) ?? -1)) continue;
        versions.set(units.id, units.version);
        showUnits(element, units);
      }
    },
  });
}

// An order: its time, by the server's clock, and whatever becomes of it.
const order = document.querySelector('[data-order]');
if (order) {
  const clock = order.querySelector('[data-clock]');
  const page = `/orders/${order.dataset.order}`;
  const anew = () => { if (!isSent && !document.body.dataset.busy) location.replace(page); };
  let endsAt = 0;
  const correct = (seconds) => { endsAt = performance.now() + seconds * 1000; };
  if (clock) {
    const box = clock.parentElement;
    const ring = box.querySelector('.ring');
    const said = box.querySelector('[data-said]');
    const inAll = Number(box.dataset.leftOf);
    correct(Number(box.dataset.seconds));
    let last = '';
    const show = () => {
      const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
      const minutes = Math.floor(left / 60);
      const parts = minutes ? `${minutes} ${words.minutes} ` : '';
      clock.textContent = `${parts}${left % 60} ${words.seconds} ${words.timeLeft}`;
      ring.style.strokeDasharray = '100';
      ring.style.strokeDashoffset = String(100 - 100 * Math.min(1, left / inAll));
      box.classList.toggle('last', left <= 60);
      const say = left <= 10 ? words.lastSeconds : left <= 60 ? words.lastMinute : '';
      if (say !== last) { said.textContent = say; last = say; }
    };
    // The server tells that the time is over. Where it can't be heard, it is asked, and not too often.
    const ask = () => {
      if (performance.now() > endsAt + 3000) anew();
      setTimeout(ask, 3000 + Math.random() * 3000);
    };
    setTimeout(ask, 3000);
    show();
    setInterval(show, 250);
  }
  // Whoever was signed out elsewhere is shown where one signs in.
  const refused = async () => {
    const answer = await fetch(`/api${page}`).catch(() => null);
    if (answer && [401, 404].includes(answer.status)) anew();
  };
  listen(`/api${page}/live`, {
    countdown: (told) => correct(told.secondsLeft),
    order: (told) => {
      correct(told.secondsLeft);
      // The page is made anew by the server, which knows how to say it. One that says why something was
      // refused stays for as long as it can be tried again.
      if (told.version > Number(order.dataset.version) && told.status !== order.dataset.keeps) anew();
    },
  }, refused);
}
