import '../../../www/src/styles/base.css';
import '../lib/window.css';
import { mount } from 'svelte';
import Approve from './Approve.svelte';
import { asked } from './asked.svelte.ts';
import { startPage } from '../lib/page.ts';

const target = document.getElementById('app');
if (!target) throw new Error('approve.html has no #app');
mount(Approve, { target });
asked.connect();
void startPage();
