// Runs in an engine's worker before the engine does (crates/xtask/src/chaos/browser.rs): ends the browser, as a power cut would, in the
// middle of the commit that the driver has named, or just after it. Whoever is told ends it; until then nothing goes on here.

globalThis.chaosTrap = { armed: null };

new BroadcastChannel('chaos').onmessage = ({ data }) => (globalThis.chaosTrap.armed = data);

const die = (url) => {
  const request = new XMLHttpRequest();
  request.open('POST', url, false);
  request.send();
};

const transaction = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (stores, mode, ...more) {
  const made = transaction.call(this, stores, mode, ...more);
  const { armed } = globalThis.chaosTrap;
  if (mode !== 'readwrite' || armed === null || (armed.left -= 1) > 0) return made;
  globalThis.chaosTrap.armed = null;
  if (armed.when === 'inside') queueMicrotask(() => die(armed.url));
  else made.addEventListener('complete', () => die(armed.url));
  return made;
};
