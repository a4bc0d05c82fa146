/** Every method of WebLN that needs the site to be enabled, by its name. */

import * as methods from './methods.ts';
import { request, requestNames } from './requests.ts';

const getInfo: methods.Method = async ({ wallet, version }) => {
  const { alias, nodeId } = await wallet.info();
  // Nodes choose a colour at random or by their id; so does this one.
  const node = { alias, pubkey: nodeId, color: `#${nodeId.slice(2, 8)}` };
  return {
    node,
    version,
    supports: ['lightning'],
    methods: ['enable', 'isEnabled', ...Object.keys(METHODS), 'on', 'off', ...requestNames({ wallet })],
  };
};

/** By name. */
export const METHODS = {
  getInfo,
  getBalance: methods.getBalance,
  makeInvoice: methods.makeInvoice,
  sendPayment: methods.sendPayment,
  sendPaymentAsync: methods.sendPaymentAsync,
  keysend: methods.keysend,
  signMessage: methods.signMessage,
  verifyMessage: methods.verifyMessage,
  lnurl: methods.lnurl,
  lookupInvoice: methods.lookupInvoice,
  request,
} satisfies Readonly<Record<string, methods.Method>>;
