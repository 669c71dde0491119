/** Starts the application: routing, the territory, the first page. */
import { render } from 'preact';
import './styles/main.scss';
import { App } from './app';
import { startRouting } from './state/route';
import { loadTerritory } from './state/territory';

startRouting();
void loadTerritory();
const host = document.getElementById('app');
if (host) render(<App />, host);
