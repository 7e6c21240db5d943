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
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
    isSent = true;
  });
}
// A page that comes back from the browser's memory can be used again, and is read anew.
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

// Listens to the server, and says since when it does not hear it.
const connection = document.getElementById('connection');
let heard = Date.now();
let isLost = false;
function listen(address, handlers) {
  const source = new EventSource(address);
  source.onopen = () => { heard = Date.now(); isLost = false; connection.textContent = ''; };
  source.onerror = () => {
    isLost = true;
    // The server refused: it is asked again later, which the browser does by itself only if it was cut.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => { source.close(); listen(address, handlers); }, 5000 + Math.random() * 5000);
    }
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => { heard = Date.now(); handle(JSON.parse(event.data)); });
  }
  addEventListener('pagehide', () => source.close());
}
setInterval(() => {
  if (isLost) connection.textContent = fill(words.lastSeen, { n: Math.round((Date.now() - heard) / 1000) });
}, 1000);

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
  // What is closed for its dates stays so until the page is loaded again.
  const isOpen = units.onSale && units.available > 0;
  if (left && (left.textContent !== leftOf(units))) {
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
  const closed = new Set([...tickets].filter(([, it]) => it.dataset.closed).map(([id]) => id));
  listen(`/api/tickets/live?ids=${[...tickets.keys()].slice(0, 100).join(',')}`, {
    availability: (changed) => {
      for (const units of changed) {
        const element = tickets.get(units.id);
        if (!element || closed.has(units.id) || units.version <= (versions.get(units.id) ?? -1)) continue;
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
    show();
    setInterval(show, 250);
  }
  listen(`/api/orders/${order.dataset.order}/live`, {
    countdown: (told) => correct(told.secondsLeft),
    order: (told) => {
      correct(told.secondsLeft);
      // The page is made anew by the server, which knows how to say it.
      if (!isSent && told.version > Number(order.dataset.version)) location.replace(location.pathname);
    },
  });
}
