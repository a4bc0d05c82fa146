import 'amplet-ui/styles/base.css';
import '../lib/window.css';
import { payingSites } from 'amplet/provider';
import App from 'amplet-ui/App.svelte';
import { mountApp } from 'amplet-ui/app/context.ts';
import { IdbStore } from '../wallet-host/idb-store.ts';
import { startPage } from '../lib/page.ts';

const holders = async () => {
  const sites = await payingSites(new IdbStore());
  return new Map(
    [...sites].map(([id, { origin, topLevel }]) => [id, origin === topLevel ? origin : `${origin} in ${topLevel}`]),
  );
};

mountApp(App, startPage({ holders }), {});
