/** The part of WebLN that these pages use. */
interface WebLN {
  enable(): Promise<void>;
  sendPayment(invoice: string): Promise<{ preimage: string }>;
  makeInvoice(args: { amount?: number | string; defaultMemo?: string }): Promise<{ paymentRequest: string }>;
  keysend?(args: {
    destination: string;
    amount: number | string;
    customRecords?: Record<string, string>;
  }): Promise<{ preimage: string }>;
  request?(method: string, params: object): Promise<StreamReport>;
  on?(event: 'stream' | 'lost', listener: (report: StreamReport) => void): void;
}

/** State of a stream of payments; amounts are decimal texts. */
interface StreamReport {
  streamId: string;
  state: 'running' | 'paused' | 'stopped';
  reason: string | null;
  paidMsat: string;
  owedMsat: string;
}

interface Window {
  webln?: WebLN;
}
