import { expect, it, vi } from 'vitest';

interface Fetched {
  request: Request;
  respondWith: (response: Promise<Response>) => void;
}
const listeners = new Map<string, (event: Fetched) => void>();
vi.stubGlobal('location', { href: 'https://wallet.example/app/sw.js' });
vi.stubGlobal('addEventListener', (name: string, listener: (event: Fetched) => void) => listeners.set(name, listener));
vi.stubGlobal('RELEASE', 'test');
vi.stubGlobal('PINNED', []);
await import(new URL('../../www/src/sw.ts', import.meta.url).href);

async function post(path: string, fields: Record<string, string>): Promise<Response | null> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  let answered: Promise<Response> | null = null;
  const request = new Request(`https://wallet.example/app/${path}`, { method: 'POST', body });
  listeners.get('fetch')?.({ request, respondWith: (response) => void (answered = response) });
  return answered;
}

it('what another program shares is shown on Pay, and no server gets it', async () => {
  const to = async (fields: Record<string, string>) => {
    const response = await post('share', fields);
    return [response?.status, response?.headers.get('location')];
  };
  expect(await to({ title: 'Invoice', text: ' lnbc1 & more ' })).toEqual([
    303,
    'https://wallet.example/app/#/pay/lnbc1%20%26%20more',
  ]);
  expect(await to({ text: '', url: 'lightning:lnbc1' })).toEqual([
    303,
    'https://wallet.example/app/#/pay/lightning%3Alnbc1',
  ]);
  expect(await to({})).toEqual([303, 'https://wallet.example/app/#/pay']);
  expect(await post('elsewhere', { text: 'lnbc1' })).toBeNull();
});
