/** A name for this device, as the user's other devices show it. A guess from what the browser says of itself; the user can change it. */

const BROWSERS: readonly [RegExp, string][] = [
  [/\bFirefox\//, 'Firefox'],
  [/\bEdg(?:A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\b(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Characters of a name at most; the package takes no more. */
export const MAX_DEVICE_NAME = 40;

/** `Firefox, Android`. */
export function guessDevice(userAgent: string): string {
  const first = (names: readonly [RegExp, string][]): string[] => {
    const found = names.find(([pattern]) => pattern.test(userAgent));
    return found === undefined ? [] : [found[1]];
  };
  const parts = [...first(BROWSERS), ...first(SYSTEMS)];
  return parts.length === 0 ? 'Browser' : parts.join(', ');
}
