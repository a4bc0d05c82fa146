/** Returns the largest amount from `min` to `max`, in sat, for which `fits` is true; `null`: not even for `min`. */
export async function largestSat(
  fits: (sat: bigint) => Promise<boolean>,
  min: bigint,
  max: bigint,
): Promise<bigint | null> {
  if (max < min || !(await fits(min))) return null;
  if (await fits(max)) return max;
  let [works, fails] = [min, max];
  while (fails - works > 1n) {
    const middle = (works + fails) / 2n;
    if (await fits(middle)) works = middle;
    else fails = middle;
  }
  return works;
}
