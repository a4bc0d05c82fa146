/** Ms for which what is paid as time passes keeps the wallet unlocked after the user's last touch: as long as a film. */
export const MAX_WATCH_MS = 3 * 3_600_000;
