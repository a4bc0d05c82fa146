import 'amplet-ui/styles/base.css';
import '../lib/window.css';
import App from 'amplet-ui/App.svelte';
import { mountApp } from 'amplet-ui/app/context.ts';
import { startPage } from '../lib/page.ts';
import { siteRecords } from '../lib/sites.ts';

mountApp(App, startPage({ sites: siteRecords }), {});
