import '../../../www/src/styles/base.css';
import '../lib/window.css';
import './popup.css';
import { mount } from 'svelte';
import Popup from './Popup.svelte';
import { startPage } from '../lib/page.ts';

const target = document.getElementById('app');
if (!target) throw new Error('popup.html has no #app');
const beside = document.body.classList.contains('panel');
// On a phone, where there is no room for a popup, it is a tab.
if (!beside) void chrome.tabs.getCurrent().then((tab) => document.body.classList.toggle('tab', tab !== undefined));
mount(Popup, { target, props: { beside } });
void startPage();
