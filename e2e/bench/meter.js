// Runs in an engine's worker before the engine does (crates/xtask/src/bare.rs): counts what it writes and says, and keeps the
// wasm's memory, where the bench finds them.

globalThis.meter = { transactions: 0, stored: 0, framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0 };

for (const name of ['instantiate', 'instantiateStreaming']) {
  const real = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await real(...given);
    globalThis.wasmMemory = (made.instance ?? made).exports.memory;
    return made;
  };
}

const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (value, ...more) {
  globalThis.meter.stored += value?.byteLength ?? 0;
  return put.call(this, value, ...more);
};

const transaction = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (stores, mode, ...more) {
  if (mode === 'readwrite') globalThis.meter.transactions += 1;
  return transaction.call(this, stores, mode, ...more);
};

const RealWebSocket = WebSocket;
globalThis.WebSocket = class extends RealWebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', ({ data }) => {
      globalThis.meter.framesReceived += 1;
      globalThis.meter.bytesReceived += data.byteLength ?? data.length;
    });
  }

  send(data) {
    globalThis.meter.framesSent += 1;
    globalThis.meter.bytesSent += data.byteLength ?? data.length;
    super.send(data);
  }
};
