/** Version of this package, compared between tabs so that a newer release can take an older one's engine over. */
export const RELEASE = '0.1.0';

/** Returns whether release `a` is newer than release `b`; both are `major.minor.patch`, what cannot be read counts as oldest. */
export function isNewer(a: string, b: string): boolean {
  const [x, y] = [parse(a), parse(b)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function parse(release: string): number[] {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})/.exec(release);
  return match === null ? [-1, -1, -1] : match.slice(1).map(Number);
}
