import 'amplet-ui/styles/base.css';
import '../lib/window.css';
import { mountApp } from 'amplet-ui/app/context.ts';
import { startPage } from '../lib/page.ts';
import Approve from './Approve.svelte';
import { prompt } from './prompt.svelte.ts';

mountApp(Approve, startPage(), {});
prompt.connect();
