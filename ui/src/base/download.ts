/** Gives the user a text as a file. */
export const download = (name: string, type: string, text: string): void => offer(name, new Blob([text], { type }));

/** Gives the user bytes as a file. */
export const downloadBytes = (name: string, bytes: Uint8Array): void =>
  offer(name, new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }));

function offer(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
