import '../../../www/src/styles/base.css';
import '../lib/window.css';
import { mount } from 'svelte';
import App from '../../../www/src/App.svelte';
import { startPage } from '../lib/page.ts';

const target = document.getElementById('app');
if (!target) throw new Error('options.html has no #app');
mount(App, { target });
void startPage();
