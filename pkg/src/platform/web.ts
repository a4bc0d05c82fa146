// A web page: the engine in a worker that all tabs share, the wasm from beside the scripts.

import { workerName } from '../link/names.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import type { Started } from './contract.ts';
import { given } from './init.ts';
import { WorkerWatch } from './worker-failure.ts';

export { deriveKey, loadPage, loadWords, locks } from './beside.ts';
export { checkEnvironment, checkPlace, keepStorage } from './web-environment.ts';

/** A SharedWorker where there is one (it works on while its creator is frozen), else a Worker of this page alone. */
export async function startHost(name: string, generation: number): Promise<Started> {
  const { engine } = await given();
  const called = workerName(name, generation);
  const watch = new WorkerWatch('engine.worker.js', import.meta.url);
  try {
    // A compiled module cannot leave for a SharedWorker: that is another agent cluster.
    if (typeof SharedWorker !== 'undefined' && !(engine instanceof WebAssembly.Module)) {
      const worker = new SharedWorker(new URL('./engine.worker.js', import.meta.url), { type: 'module', name: called });
      return started(worker, worker.port, engine, watch);
    }
    const worker = new Worker(new URL('./engine.worker.js', import.meta.url), { type: 'module', name: called });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ kind: 'port' }, [port2]);
    return started(worker, port1, engine, watch); // it ends itself once its last port is gone and everything is saved
  } catch (error) {
    throw watch.refused(error);
  }
}

/** Describes a worker that was just started. */
export function started(
  worker: AbstractWorker,
  port: MessagePort,
  wasm: WasmInput | null,
  watch: WorkerWatch,
): Started {
  const failed = new Promise<never>((_, reject) => {
    worker.onerror = (event) => void watch.failed(event).then(reject);
  });
  // `release` keeps the worker reachable as long as the page's end of the link: it would be collected otherwise.
  const release = (): void => {
    worker.onerror = null;
    watch.end();
  };
  return { port, failed, wasm, release };
}
