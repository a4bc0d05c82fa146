/** Origins that can be trusted with money: what travels to them cannot be read or changed on the way. */

/** https, or this machine; nothing opaque. */
export function isSecureOrigin(origin: string): boolean {
  if (origin.length > 280 || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.origin === origin && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
}

/** Names of this machine, which no name server can turn elsewhere. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}
