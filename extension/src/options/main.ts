import '../../../www/src/styles/base.css';
import '../lib/window.css';
import { mount } from 'svelte';
import App from '../../../www/src/App.svelte';
import { payingSites } from 'amplet/provider';
import { app } from '../../../www/src/lib/app.svelte';
import { Notes } from '../keeper/store.ts';
import { startPage } from '../lib/page.ts';

const target = document.getElementById('app');
if (!target) throw new Error('options.html has no #app');
app.holders = async () => {
  const sites = await payingSites(new Notes());
  return new Map(
    [...sites].map(([id, { origin, topLevel }]) => [id, origin === topLevel ? origin : `${origin} in ${topLevel}`]),
  );
};
mount(App, { target });
void startPage();
