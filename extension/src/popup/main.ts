import '../../../www/src/styles/base.css';
import '../lib/window.css';
import './popup.css';
import { mount } from 'svelte';
import Popup from './Popup.svelte';
import { startPage } from '../lib/page.ts';

const target = document.getElementById('app');
if (!target) throw new Error('popup.html has no #app');
mount(Popup, { target });
void startPage();
