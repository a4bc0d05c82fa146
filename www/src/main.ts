import 'amplet-ui/styles/base.css';
import App from 'amplet-ui/App.svelte';
import { createApp } from 'amplet-ui/app/app.svelte.ts';
import { mountApp } from 'amplet-ui/app/context.ts';
import { install } from 'amplet-ui/shell/install.svelte.ts';
import { updates } from 'amplet-ui/shell/updates.svelte.ts';

install.watch();
const app = createApp();
mountApp(App, app, {});
void app.start();
void updates.register().catch((error: unknown) => console.warn('service worker', error));
