/** Checks that an answer holds what was paid for: a server that was paid may send a word of thanks and nothing else. */

/** A failure to deliver. `final`: the server has spoken, and will not say anything else for this payment. */
export interface DeliveryFailure {
  /** Such as `answered 500`. */
  readonly what: string;
  readonly final: boolean;
}

/** Methods that ask for something to be done: there may be nothing to say of it. */
const SILENT = ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Returns of somebody on the way, or of a server that wants to be asked later: the payment may not have been looked at. */
const PASSING = [408, 425, 429, 502, 503, 504];

/** Returns whether a status says nothing of what was paid for. */
export const isPassing = (status: number): boolean => PASSING.includes(status);

/** Finds what the answer to a paid request lacks; `null`: nothing. The answer's body stays unread. */
export async function deliveryFailure(request: Request, response: Response): Promise<DeliveryFailure | null> {
  const { status } = response;
  if (status >= 400) return { what: `answered ${status}`, final: !isPassing(status) };
  if (status < 200 || status >= 300 || SILENT.includes(request.method)) return null;
  const first = await begins(response);
  if (first === 'broken') return { what: 'broke off before it answered', final: false };
  if (first === 'empty') return { what: 'answered with nothing', final: true };
  if (isPage(response) && !mayBePage(request))
    return { what: 'answered with a web page instead of what was asked for', final: true };
  return null;
}

/** Reads how the body begins. An event stream may say nothing for long. */
async function begins(response: Response): Promise<'content' | 'empty' | 'broken'> {
  if (response.body === null || response.headers.get('content-length')?.trim() === '0') return 'empty';
  if (mediaType(response.headers.get('content-type')) === 'text/event-stream') return 'content';
  const reader = response.clone().body!.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'empty';
      if (value.length > 0) return 'content';
    }
  } catch {
    return 'broken';
  } finally {
    // Not waited for: it ends with the body that it is a clone of.
    void reader.cancel().catch(() => {});
  }
}

const mediaType = (header: string | null): string => header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';

const isPage = (response: Response): boolean =>
  ['text/html', 'application/xhtml+xml'].includes(mediaType(response.headers.get('content-type')));

/** Returns whether whoever asked would take a web page. */
function mayBePage({ headers }: Request): boolean {
  const ranges = (headers.get('accept') ?? '*/*').split(',').map(mediaType);
  return ranges.some((range) => ['*/*', 'text/*', 'text/html', 'application/xhtml+xml'].includes(range));
}
