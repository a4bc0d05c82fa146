import 'amplet-ui/styles/base.css';
import App from 'amplet-ui/App.svelte';
import { createApp } from 'amplet-ui/app/app.svelte.ts';
import { mountApp } from 'amplet-ui/app/context.ts';
import { updates } from 'amplet-ui/shell/updates.svelte.ts';

const app = createApp();
mountApp(App, app, {});
void app.start();
void updates.register().catch((error: unknown) => console.warn('service worker', error));
