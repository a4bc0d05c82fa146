export { checkEnvironment, keepStorage } from '../platform.ts';
