/** Times for people. The engine counts seconds since the UNIX epoch, as `bigint`. */

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** `4:05`, `1:02:09`, or days by Intl; never negative. */
export function formatCountdown(seconds: number, locale: string): string {
  const left = Math.max(0, Math.floor(seconds));
  if (left >= 172_800) {
    return new Intl.NumberFormat(locale, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(
      Math.floor(left / 86_400),
    );
  }
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

/** Date and time of an event. */
export function formatMoment(at: bigint, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(Number(at) * 1000);
}

/** Date without its year. */
export const formatDate = (at: bigint, locale: string): string =>
  new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long' }).format(Number(at) * 1000);

/** Time of the day. */
export const formatTime = (at: bigint, locale: string): string =>
  new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(Number(at) * 1000);

/** Time alone for today, the date otherwise: for lists. */
export function formatShortMoment(at: bigint, locale: string, now = new Date()): string {
  const date = new Date(Number(at) * 1000);
  const today = date.toDateString() === now.toDateString();
  return new Intl.DateTimeFormat(locale, today ? { timeStyle: 'short' } : { dateStyle: 'medium' }).format(date);
}

/** A length of time for people: `0.12 s`, `4.2 s`, `1:58`. */
export function formatDuration(ms: bigint, locale: string): string {
  const seconds = Number(ms) / 1000;
  if (seconds >= 100) return formatCountdown(seconds, locale);
  const digits = seconds < 1 ? 2 : seconds < 10 ? 1 : 0;
  return new Intl.NumberFormat(locale, { style: 'unit', unit: 'second', maximumFractionDigits: digits }).format(
    seconds,
  );
}
