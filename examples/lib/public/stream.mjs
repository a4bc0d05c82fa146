/** A stream of payments from this browser's wallet, with nothing but WebLN. `openStream` of `amplet/provider` does the same. */

/**
 * @typedef {{ nodeId: string, sessionId: string, ratePerSecondMsat?: string, perUnitMsat?: string, creditMsat: string }} Terms
 * @typedef {{ add(units: number): Promise<void>, pause(): Promise<void>, resume(): Promise<void>, stop(): Promise<void> }} Stream
 */

/**
 * Opens the stream of a session, or goes on with it.
 *
 * @param {WebLN} webln enabled
 * @param {Terms} terms
 * @param {(report: StreamReport) => void} told called with each change, and first with how it stands
 * @returns {Promise<Stream | null>} `null`: this wallet does not stream
 */
export async function openStream(webln, terms, told) {
  const { request } = webln;
  if (!request || !webln.on) return null;
  /** @type {StreamReport} */
  let last = { streamId: '', state: 'paused', reason: null, paidMsat: '0', owedMsat: '0' };
  /** @param {StreamReport} report */
  const hear = (report) => {
    if (last.state === 'stopped') return;
    last = report;
    told(report);
  };
  const begin = async () => hear(await request.call(webln, 'stream.start', terms));
  /** @param {string} method @param {object} [more] */
  const ask = async (method, more) =>
    hear(await request.call(webln, `stream.${method}`, { streamId: last.streamId, ...more }));
  try {
    await begin();
  } catch (error) {
    if (error instanceof Error && error.name === 'UnsupportedMethodError') return null;
    throw error;
  }
  webln.on('stream', (report) => report.streamId === last.streamId && hear(report));
  // The wallet went away; asked again it comes back, and the session goes on.
  webln.on('lost', () => last.state !== 'stopped' && begin().catch(() => hear({ ...last, state: 'stopped' })));
  return {
    add: (units) => ask('add', { units }),
    pause: () => ask('pause'),
    resume: () => ask('resume'),
    stop: () => ask('stop'),
  };
}

/** Returns the reason why nothing flows, in words. @param {StreamReport} report */
export function whyPaused({ reason }) {
  if (reason === 'hidden' || reason === 'site') return 'Paused while nobody looks.';
  if (reason === 'user') return 'You paused it in your wallet.';
  if (reason === 'budget') return "Your wallet's limit for this site is reached.";
  if (reason === 'offline') return 'Your wallet has no connection; it goes on by itself.';
  if (reason === 'failing') return 'Payments find no route; your wallet tries again.';
  return 'Your wallet is paying…';
}
