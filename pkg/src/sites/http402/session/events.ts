/** Server-sent events on their way to the page, watched for the one that says that the deposit is used up. */

/** Maximum length of a line that is looked at, in characters; events of payments are short. */
const MAX_LINE = 8_192;

/**
 * The same bytes, with `needTopUp` called at each `payment-need-topup` event. The page sees all events; those that it does not
 * know it ignores.
 */
export function watchEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  needTopUp: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const decoder = new TextDecoder();
  let line = '';
  const look = (text: string) => {
    for (const char of text) {
      if (char !== '\n' && char !== '\r') {
        if (line.length < MAX_LINE) line += char;
        continue;
      }
      if (/^event: ?payment-need-topup$/.test(line)) needTopUp();
      line = '';
    }
  };
  return body.pipeThrough(
    new TransformStream({
      transform: (part, controller) => {
        controller.enqueue(part);
        look(decoder.decode(part, { stream: true }));
      },
    }),
  );
}
