import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { app } from './lib/app.svelte';
import { updates } from './lib/updates.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target });
void app.start();
void updates.register().catch((error: unknown) => console.warn('service worker', error));
