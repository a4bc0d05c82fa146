import 'amplet-ui/styles/base.css';
import '../lib/window.css';
import './popup.css';
import { mountApp } from 'amplet-ui/app/context.ts';
import { startPage } from '../lib/page.ts';
import { siteRecords } from '../lib/sites.ts';
import Popup from './Popup.svelte';

const beside = document.body.classList.contains('panel');
// On a phone, where there is no room for a popup, it is a tab.
if (!beside) void chrome.tabs.getCurrent().then((tab) => document.body.classList.toggle('tab', tab !== undefined));
mountApp(Popup, startPage({ sites: siteRecords }), { beside });
