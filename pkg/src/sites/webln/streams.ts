/** `webln.request('stream.…')`: a site is paid as time passes or units are used. The wallet keeps the streams. */

import { asksUser, invalid, ProviderError } from '../errors.ts';
import { requireEnough } from '../payments/not-enough.ts';
import type { Prompts } from '../payments/prompts.ts';
import type { Site, SiteStreams, SiteWallet, StreamRequest } from '../types.ts';
import type { Json } from '../wire.ts';
import { members, msat, nodeId, text } from './validate.ts';

/** Maximum length of a session's name, in bytes: the record that carries it holds no more. */
const MAX_SESSION_BYTES = 64;
/** Most units counted at once. */
const MAX_UNITS = 1_000_000;

/** The methods that `request` knows. */
export const STREAM_METHODS = [
  'stream.start',
  'stream.add',
  'stream.pause',
  'stream.resume',
  'stream.stop',
  'stream.state',
] as const;

type Params = Readonly<Record<string, Json | undefined>>;
type StreamMethod = (typeof STREAM_METHODS)[number];

/** Runs the stream methods for sites. */
export class StreamMethods {
  readonly #wallet: SiteWallet;
  readonly #prompts: Prompts;
  /** The frames that use a stream: it ends with the last. */
  readonly #users = new Map<string, Users>();
  /** Frames that nobody sees. */
  readonly #hidden = new WeakSet<AbortSignal>();

  constructor(wallet: SiteWallet, prompts: Prompts) {
    this.#wallet = wallet;
    this.#prompts = prompts;
  }

  /** Runs one; `null`: it is none of them. */
  async run(site: Site, method: string, params: Json, signal: AbortSignal): Promise<Json | null> {
    const known = STREAM_METHODS.find((name) => name === method);
    if (known === undefined) return null;
    const { streams } = this.#wallet;
    if (!streams) throw new ProviderError('UnsupportedMethodError', 'This wallet does not stream payments.');
    return { ...(await this.#run(streams, site, known, members(params), signal)) };
  }

  async #run(streams: SiteStreams, site: Site, method: StreamMethod, params: Params, signal: AbortSignal) {
    if (method === 'stream.start') return this.#start(streams, site, readStart(params), readPause(params), signal);
    const streamId = text(params['streamId'], 'streamId', 128);
    switch (method) {
      case 'stream.add':
        return streams.add(site, streamId, units(params['units']));
      case 'stream.state':
        return streams.state(site, streamId);
      case 'stream.pause':
        return streams.control(site, streamId, 'pause');
      case 'stream.resume':
        return streams.control(site, streamId, 'resume');
      case 'stream.stop':
        return streams.control(site, streamId, 'stop');
    }
  }

  /**
   * Within the budget. Where it says no, the user may give the site one that says yes; where there is not even its credit to pay,
   * there is nothing to allow. A stream ends with the last frame that uses it.
   */
  async #start(streams: SiteStreams, site: Site, request: StreamRequest, pausesHidden: boolean, signal: AbortSignal) {
    const authorization = { holder: { kind: 'site', ...site }, purpose: 'stream' } as const;
    const begin = () => streams.start({ ...request, authorization });
    const parts = { wallet: this.#wallet, prompts: this.#prompts };
    await requireEnough(parts, signal, { site, amountMsat: request.creditMsat, maxFeeMsat: 0n });
    const report = await begin().catch(async (error: unknown) => {
      const refusal = asksUser(error);
      if (refusal === null) throw error;
      // The window offers a budget: nobody can approve each payment of a stream.
      const { stopped = false } = error as { stopped?: boolean };
      await this.#prompts.ask({ kind: 'stream', site, refusal, stopped, pausesHidden, ...request }, signal);
      streams.allow?.(site);
      return begin();
    });
    const { streamId } = report;
    const users = this.#users.get(streamId) ?? { site, frames: new Map<AbortSignal, boolean>() };
    this.#users.set(streamId, users);
    users.frames.set(signal, pausesHidden);
    const end = () => this.#leave(streams, streamId, signal);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    if (!signal.aborted && (this.#hidden.has(signal) || users.frames.size > 1)) this.#look(streams, streamId, users);
    return report;
  }

  /** Notes whether a frame is seen. */
  seen(signal: AbortSignal, visible: boolean): void {
    if (visible) this.#hidden.delete(signal);
    else this.#hidden.add(signal);
    const { streams } = this.#wallet;
    for (const [streamId, users] of this.#users)
      if (streams && users.frames.has(signal)) this.#look(streams, streamId, users);
  }

  #look(streams: SiteStreams, streamId: string, { site, frames }: Users): void {
    const unseen = [...frames].every(([signal, pausesHidden]) => pausesHidden && this.#hidden.has(signal));
    streams.control(site, streamId, unseen ? 'hide' : 'show').catch(() => this.#users.delete(streamId)); // it has ended
  }

  #leave(streams: SiteStreams, streamId: string, signal: AbortSignal): void {
    const users = this.#users.get(streamId);
    users?.frames.delete(signal);
    if (users === undefined) return;
    if (users.frames.size > 0) return this.#look(streams, streamId, users);
    this.#users.delete(streamId);
    // One that has ended by then is not there any more, which is as well.
    streams.control(users.site, streamId, 'stop').catch(() => {});
  }
}

/** The frames of a site that use a stream, each with whether it pauses while it is hidden. */
interface Users {
  readonly site: Site;
  readonly frames: Map<AbortSignal, boolean>;
}

function readPause({ pauseWhenHidden = true }: Params): boolean {
  if (typeof pauseWhenHidden !== 'boolean') throw invalid('`pauseWhenHidden` is true or false.');
  return pauseWhenHidden;
}

function readStart(params: Params): StreamRequest {
  const sessionId = text(params['sessionId'], 'sessionId', MAX_SESSION_BYTES);
  if (new TextEncoder().encode(sessionId).length > MAX_SESSION_BYTES) {
    throw invalid(`\`sessionId\` is at most ${MAX_SESSION_BYTES} bytes of UTF-8.`);
  }
  const ratePerSecondMsat = msat(params['ratePerSecondMsat'], 'ratePerSecondMsat');
  const perUnitMsat = msat(params['perUnitMsat'], 'perUnitMsat');
  const creditMsat = msat(params['creditMsat'], 'creditMsat');
  if (ratePerSecondMsat === 0n && perUnitMsat === 0n)
    throw invalid('A stream has a `ratePerSecondMsat` or a `perUnitMsat`.');
  if (creditMsat < 1n) throw invalid('A stream has a `creditMsat` of at least 1.');
  return { nodeId: nodeId(params['nodeId'], 'nodeId'), sessionId, ratePerSecondMsat, perUnitMsat, creditMsat };
}

function units(value: Json | undefined): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_UNITS) {
    throw invalid(`\`units\` is a whole number from 1 to ${MAX_UNITS}.`);
  }
  return value;
}
