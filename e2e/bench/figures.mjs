/** Printing of times. */

/**
 * @param {string} name
 * @param {number[]} samples in ms
 */
export function print(name, samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  /** @param {number} share */
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  console.log(
    `  ${name.padEnd(52)} median ${String(at(0.5)).padStart(5)} ms   best ${String(at(0)).padStart(5)}   p90 ${String(at(0.9)).padStart(5)}   n ${sorted.length}`,
  );
}
