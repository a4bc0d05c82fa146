/** Makes the real engine trap, as a defect in its memory would: through Chromium's debugger, for nothing in it can. */

import type { Browser } from '@playwright/test';

/** Place in the worker's script where it hands a request to the engine's wasm. */
const CALL = '.engine_request(this.__wbg_ptr';
/** Far beyond the end of the engine's memory. */
const SPOIL = 'this.__wbg_ptr = 0x7ffffff0';

interface Message {
  id?: number;
  method?: string;
  params?: { scriptId: string; url: string; callFrames: { callFrameId: string }[] };
  result?: { scriptSource?: string };
  error?: unknown;
}

/** Prepares the shared worker of the wallet that is open in `browser`: its next request ends in a trap of the wasm. */
export async function spoilEngine(browser: Browser): Promise<void> {
  const cdp = await browser.newBrowserCDPSession();
  const { targetInfos } = await cdp.send('Target.getTargets');
  const worker = targetInfos.find(({ type, url }) => type === 'shared_worker' && url.includes('engine.worker'));
  if (!worker) throw new Error('no engine runs in a shared worker');
  const { sessionId } = await cdp.send('Target.attachToTarget', { targetId: worker.targetId, flatten: false });

  // Playwright's sessions know no nested ones: calls and events are messages of the worker's own.
  let calls = 0;
  const waiting = new Map<number, (message: Message) => void>();
  const call = (method: string, params: object = {}) =>
    new Promise<Message>((resolve, reject) => {
      calls += 1;
      waiting.set(calls, (answer) =>
        answer.error ? reject(new Error(`${method}: ${JSON.stringify(answer.error)}`)) : resolve(answer),
      );
      cdp
        .send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: calls, method, params }) })
        .catch(reject);
    });
  const scripts: string[] = [];
  const spoil = async (frame: string) => {
    await call('Debugger.evaluateOnCallFrame', { callFrameId: frame, expression: SPOIL });
    await call('Debugger.disable'); // and goes on
    await cdp.detach();
  };
  cdp.on('Target.receivedMessageFromTarget', (event) => {
    const message = JSON.parse(event.message) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    else if (message.method === 'Debugger.scriptParsed') scripts.push(message.params?.scriptId ?? '');
    else if (message.method === 'Debugger.paused') void spoil(message.params?.callFrames[0]?.callFrameId ?? '');
  });

  await call('Debugger.enable');
  for (const scriptId of scripts) {
    const source = (await call('Debugger.getScriptSource', { scriptId })).result?.scriptSource ?? '';
    const lines = source.split('\n');
    const lineNumber = lines.findIndex((line) => line.includes(CALL));
    if (lineNumber < 0) continue;
    // The statement that holds the call, before it has read the pointer.
    const line = lines[lineNumber] ?? '';
    const columnNumber = line.lastIndexOf('{', line.indexOf(CALL)) + 1;
    await call('Debugger.setBreakpoint', { location: { scriptId, lineNumber, columnNumber } });
    return;
  }
  throw new Error(`the call into the wasm is in none of ${scripts.length} scripts`);
}
