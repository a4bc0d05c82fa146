/** Origins and host names: which can be trusted with money, which are this machine's, which are the network's around it. */

/** https, or this machine: what travels there cannot be read or changed on the way. Nothing opaque. */
export function isSecureOrigin(origin: string): boolean {
  if (origin.length > 280 || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.origin === origin && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
}

/** Names of this machine, which no name server can turn elsewhere. */
export function isLoopback(hostname: string): boolean {
  return /^(?:.+\.)?localhost\.?$/.test(hostname) || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Names the party behind a page, which may have any number of hosts: the domain that one registers, such as `shop.example` or
 * `shop.co.uk`, or the address. A guess from the form of the name: of a platform that gives its users names below its own, all users
 * are one party, so that nothing is to be decided by it but how often the user is asked.
 */
export function partyOf(origin: string): string {
  const { hostname, host } = new URL(origin);
  // Each program on this machine is one of its own.
  if (isLoopback(hostname)) return host;
  const labels = hostname.replace(/\.$/, '').split('.');
  if (hostname.startsWith('[') || /^\d+$/.test(labels.at(-1) ?? '')) return hostname;
  const [top = '', second = ''] = labels.slice().reverse();
  return labels.slice(top.length === 2 && second.length <= 3 ? -3 : -2).join('.');
}

/** Top-level names that stand for a local network (RFC 6762 and its appendix G, RFC 8375, ICANN's `internal`). */
const LOCAL_NAMES = /(?:^|\.)(?:local|localhost|localdomain|internal|intranet|private|lan|home|corp|home\.arpa)$/;

/**
 * Returns whether a host is one of the Internet, as far as its name shows: no address of this machine, of a local network or of a
 * special purpose (RFC 6890), no name that is of a local network only. `hostname` as {@link URL} has it. An address that a name server
 * gives is not known here.
 */
export function isPublicHost(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '');
  if (name.startsWith('[')) return isPublicV6(groupsOf(name.slice(1, -1)));
  const octets = /^\d+(?:\.\d+){3}$/.test(name) ? name.split('.').map(Number) : null;
  if (octets) return isPublicV4(octets);
  return name.includes('.') && !LOCAL_NAMES.test(name);
}

/** As `transport::is_public` has it, and like that one by IANA's registries of special-purpose addresses. */
function isPublicV4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100) return b < 64 || b > 127;
  if (a === 169) return b !== 254;
  if (a === 172) return b < 16 || b > 31;
  if (a === 192) return b !== 168 && !(b === 0 && (c === 0 || c === 2)) && !(b === 88 && c === 99);
  if (a === 198) return b !== 18 && b !== 19 && !(b === 51 && c === 100);
  return !(a === 203 && b === 0 && c === 113);
}

/** An address that embeds one of IPv4 (mapped, NAT64, 6to4) is judged by that; of the rest only global unicast is public. */
function isPublicV6([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0]: readonly number[]): boolean {
  const inner = (high: number, low: number): boolean => isPublicV4([high >> 8, high & 255, low >> 8, low & 255]);
  const zeros = c === 0 && d === 0 && e === 0;
  if (a === 0 && b === 0 && zeros && f === 0xffff) return inner(g, h);
  if (a === 0x64 && b === 0xff9b && zeros && f === 0) return inner(g, h);
  if (a === 0x2002) return inner(b, c);
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return false;
  if (a === 0x3fff && b < 0x1000) return false;
  return a >= 0x2000 && a < 0x4000;
}

/** The eight groups of an IPv6 address as {@link URL} writes it: in hex, the longest run of zeros as `::`. */
function groupsOf(address: string): number[] {
  const [before = '', after] = address.split('::');
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [head, tail] = [read(before), read(after ?? '')];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
