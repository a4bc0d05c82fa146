// Generated from crates/protocol by its example `types`; do not edit.

/** Version of the messages between page and engine. */
export const VERSION = 2;

/**
 * Code of an error, for programs. The names are part of the JavaScript API and never change meaning.
 */
export type ErrorCode = "invalidInput" | "invalidMnemonic" | "wrongPassphrase" | "passkeyRefused" | "passkeyUnsupported" | "walletExists" | "walletNotFound" | "corrupt" | "newerFormat" | "fenced" | "inUse" | "storageFull" | "storage" | "notAllowedHere" | "versionMismatch" | "walletCrashed" | "oldCopy" | "backupUnreachable" | "backupRefused" | "backupNotFound" | "backupExists" | "backupStale" | "movedToAnotherDevice" | "deviceRemoved" | "closed" | "invalidPaymentRequest" | "wrongNetwork" | "expired" | "alreadyPaid" | "amountMismatch" | "insufficientBalance" | "insufficientInbound" | "noRoute" | "payeeRefused" | "feeTooHigh" | "budgetRefused" | "approvalNeeded" | "gatewayOffline" | "nodeDown" | "wrongNodeKey" | "gatewayRefused" | "notAllowedByBrowser" | "chainSource" | "broadcastRejected" | "cancelled" | "channelUnavailable" | "timeout" | "busy" | "walletOffline" | "linkPaused" | "linkTakenBack" | "internal";

/**
 * Reason for which there is no route for a payment.
 */
export type NoRouteReason = "noPath" | "balance" | "inbound" | "capacity" | "feeBudget" | "delay" | "parts" | "onePiece";

/**
 * Reason for which there is no route for a payment, and an amount or a fee that would work.
 */
export type NoRoute = { 
/**
 * Reason.
 */
reason: NoRouteReason, 
/**
 * The largest amount that would work as things stand; `null`: none is known.
 */
largestMsat: bigint | null, 
/**
 * The least fee found for the amount left to send, where the fee limit is in the way.
 */
neededFeeMsat: bigint | null, };

/**
 * Knowledge of a payment whose request ended in an error.
 */
export type ErrorOutcome = "open" | "notSent";

/**
 * Kind of a holder.
 */
export type HolderKind = "user" | "site" | "app" | "device" | "child";

/**
 * A holder: may spend from a budget. A `site` has the origin of the frame that asks (`origin`) and that of the page it is in (`topLevel`), both as the
 * browser reports them (`https://example.org:8443`), never as a message says; a `user` has nothing more, the others an `id`
 * of 1 to 80 characters.
 */
export type Holder = { kind: 'user' } | { kind: 'site', origin: string, topLevel: string } | { kind: 'app' | 'device' | 'child', id: string };

/**
 * Begin of a window.
 */
export type WindowKind = "calendar" | "rolling";

/**
 * Length of a window. A calendar day has 23 or 25 hours when the clocks change; a rolling month has 30 days.
 */
export type WindowPeriod = "hour" | "day" | "week" | "month";

/**
 * A limit for a window of time.
 */
export type WindowLimit = { 
/**
 * Begin of the window.
 */
kind: WindowKind, 
/**
 * Length of the window.
 */
period: WindowPeriod, 
/**
 * Maximum in it, in msat.
 */
limitMsat: bigint, };

/**
 * A streaming rate: money becomes free evenly with time, and accumulates for a while when it is not used.
 */
export type StreamRate = { 
/**
 * Amount that becomes free each second, in msat; 10 bitcoin at most.
 */
perSecondMsat: bigint, 
/**
 * Maximum number of unused seconds that accumulate (1 to 3600): `perSecondMsat` times this is the maximum at once.
 */
keepSeconds: number, };

/**
 * Rules of a budget. Every limit is for amount and fee together; a rule that is null or empty does not limit. Any budget but the
 * user's has to be bounded: by a window, a rate, a total, or by asking about every payment (`askAboveMsat` 0).
 */
export type Rules = { 
/**
 * Maximum per payment, in msat.
 */
perPaymentMsat: bigint | null, 
/**
 * Limits over time; each kind and period once.
 */
windows: Array<WindowLimit>, 
/**
 * Maximum per second.
 */
rate: StreamRate | null, 
/**
 * Maximum in total, top-ups included, in msat.
 */
totalMsat: bigint | null, 
/**
 * Expiry: nothing is allowed from this time on, in seconds since the UNIX epoch.
 */
expiresAt: bigint | null, 
/**
 * Maximum that goes without asking, in msat: the user is asked about each payment that costs more; 0 asks about every one.
 */
askAboveMsat: bigint | null, 
/**
 * Purposes that are allowed: at most 32 words of 1 to 32 characters of `a-z 0-9 -`; empty allows all.
 */
purposes: Array<string>, };

/**
 * One of a budget's limits.
 */
export type BudgetRule = "perPayment" | "calendarHour" | "calendarDay" | "calendarWeek" | "calendarMonth" | "rollingHour" | "rollingDay" | "rollingWeek" | "rollingMonth" | "rate" | "total";

/**
 * Usage of one of a budget's limits over time.
 */
export type LimitUsage = { 
/**
 * Rule of the limit.
 */
rule: BudgetRule, 
/**
 * Maximum, in msat.
 */
limitMsat: bigint, 
/**
 * Amount of it that is spent, fees included.
 */
spentMsat: bigint, 
/**
 * Amount of it that is reserved for payments in flight.
 */
reservedMsat: bigint, 
/**
 * Amount of it that can still be reserved.
 */
leftMsat: bigint, 
/**
 * End of a calendar window, or the time at which an amount spent now is free again in a rolling one (seconds since the UNIX
 * epoch); null: time does not end this limit.
 */
until: bigint | null, };

/**
 * A budget, with a holder and rules.
 */
export type Budget = { 
/**
 * Number in this wallet; 0 is the user's own.
 */
id: number, 
/**
 * Holder: may spend from it.
 */
holder: Holder, 
/**
 * Budget that it draws from: all that is spent here counts there too, and that one's limits hold as well.
 */
parent: number | null, 
/**
 * Rules.
 */
rules: Rules, 
/**
 * A closed budget allows nothing.
 */
closed: boolean, 
/**
 * Usage of its limits over time.
 */
usage: Array<LimitUsage>, 
/**
 * Amount, in msat, that this budget and each one that it draws from still allow without a question: the least that one of
 * their limits over time leaves. Null: there is no such limit, or nothing goes without a question (one of them is closed,
 * has expired, or asks about every payment).
 */
leftMsat: bigint | null, };

/**
 * Authorization of a payment: by whose budget, and for which purpose. None: the user, by hand.
 */
export type Authorization = { 
/**
 * Holder whose budget pays.
 */
holder: Holder, 
/**
 * Purpose, for the report: a word of 1 to 32 characters of `a-z 0-9 -`; `payment` by default.
 */
purpose?: string | undefined, 
/**
 * Maximum cost, fee included, that the user allowed after being shown exactly this payment. It is the approval that the
 * budget asks for, once; its limits hold all the same. A holder without a budget gets one that asks about every payment.
 */
approvedMsat?: bigint | undefined, 
/**
 * Records of sites that speak of this payment: changed in the transaction that begins it, and left as they are when it is not
 * begun. Its outcome and its proof are in its own record.
 */
records?: Array<SiteRecord> | undefined, };

/**
 * Reason for which a budget denies a payment.
 */
export type BudgetReason = "ask" | "noBudget" | "approval" | "limit" | "expired" | "purpose" | "closed" | "invalid";

/**
 * Denial of a payment by a budget, for a prompt that shows it. No funds were sent.
 */
export type BudgetRefusal = { 
/**
 * Budget that refuses or asks: the one that pays, or one that it draws from. Null: there is none.
 */
budget: number | null, 
/**
 * Reason.
 */
reason: BudgetReason, 
/**
 * Limit that is in the way.
 */
rule: BudgetRule | null, 
/**
 * That limit, the maximum that goes without asking, or the amount that the user allowed.
 */
limitMsat: bigint | null, 
/**
 * Amount that the limit leaves.
 */
leftMsat: bigint | null, 
/**
 * Maximum cost of the payment, fee included.
 */
neededMsat: bigint | null, 
/**
 * Time at which `neededMsat` will be free if nothing else is spent, or at which the budget expired (seconds since the UNIX
 * epoch). Null: time alone does not help.
 */
until: bigint | null, };

/**
 * An error with a code for programs and a message for a user; the message names the remedy.
 */
export type WalletError = { 
/**
 * Code.
 */
code: ErrorCode, 
/**
 * Message with the remedy, in English.
 */
message: string, 
/**
 * Causes, outermost first; empty: none is known.
 */
causes: Array<string>, 
/**
 * Reason for which there is no route for a payment; only where that is the error.
 */
noRoute?: NoRoute, 
/**
 * Denial by a budget; only with `budgetRefused` and `approvalNeeded`.
 */
budget?: BudgetRefusal, 
/**
 * The device that has taken the wallet over; only with `movedToAnotherDevice`, and `backupExists` where it is known.
 */
device?: OtherDevice, 
/**
 * Outcome of the payment that the request was to begin; only with requests that begin one.
 */
outcome?: ErrorOutcome, 
/**
 * Id of that payment in the history, when its outcome is open and the id known.
 */
paymentId?: string, };

/**
 * Preview of a payment: its maximum cost and its budget's decision, for the window that asks the user.
 */
export type Preview = { 
/**
 * Amount that the payee gets.
 */
amountMsat: bigint, 
/**
 * Maximum fee.
 */
maxFeeMsat: bigint, 
/**
 * Sum of both: the minimum that `approvedMsat` has to be.
 */
neededMsat: bigint, 
/**
 * The holder's open budget as it is now; null: there is none.
 */
budget: Budget | null, 
/**
 * Amount that the budget and each one that it draws from would still allow after this payment, by their tightest limit over
 * time; null: no limit over time, or the payment does not fit.
 */
leftAfterMsat: bigint | null, 
/**
 * `approvalNeeded` or `budgetRefused`, with the reason; null: it would be paid without asking.
 */
problem: WalletError | null, };

/**
 * Sum of the payments of one holder on one day for one purpose.
 */
export type SpendingRow = { 
/**
 * Day on which they were decided, in the user's time zone: `2026-11-22`.
 */
date: string, 
/**
 * Holder.
 */
holder: Holder, 
/**
 * Purpose.
 */
purpose: string, 
/**
 * Number of payments.
 */
payments: number, 
/**
 * Amount that the payees got.
 */
amountMsat: bigint, 
/**
 * Fees on top.
 */
feeMsat: bigint, };

/**
 * Report of spending.
 */
export type Spending = { 
/**
 * Rows by day, holder and purpose.
 */
rows: Array<SpendingRow>, 
/**
 * The same as CSV for a spreadsheet (RFC 4180); amounts in msat.
 */
csv: string, };

/**
 * A text signed by this wallet's node.
 */
export type SignedMessage = { 
/**
 * The text.
 */
message: string, 
/**
 * zbase32 of a recoverable signature over the double SHA-256 of `Lightning Signed Message:` and the text, as lnd and Core
 * Lightning make it.
 */
signature: string, };

/**
 * A change of a record of sites: a named text that the wallet keeps sealed with its own records, and does not read.
 */
export type SiteRecord = { 
/**
 * Its name: 1 to `MAX_KEY` bytes without control characters.
 */
key: string, 
/**
 * Its text from now on, at most `MAX_VALUE` bytes; null: it is removed.
 */
value: string | null, };

/**
 * Signer of a text.
 */
export type VerifiedMessage = { 
/**
 * True if the signature is valid: some key made it. It proves only as much as `nodeId` is known to be.
 */
valid: boolean, 
/**
 * Id of the node that signed, in hex; null: the signature is not valid.
 */
nodeId: string | null, };

/**
 * Proof of identity for a login (LNURL-auth, LUD-04).
 */
export type Login = { 
/**
 * Compressed public key, in hex. The same for every login at a domain, also from another device with the same
 * recovery phrase.
 */
key: string, 
/**
 * Signature of the challenge by it (ECDSA), DER in hex.
 */
signature: string, };

/**
 * The Bitcoin network of a wallet.
 */
export type Network = "mainnet" | "testnet4" | "signet" | "regtest";

/**
 * A gateway as configured: a node, and the addresses of its WebSocket and chain API.
 */
export type Gateway = { 
/**
 * `<node id, 66 hex digits>@<ws or wss URL>`; the path `/lightning/v1` is added when the URL has none. A token that the
 * gateway's operator gave for channels on request follows it as `#token=…`.
 */
address: string, 
/**
 * Base URL of the block-dn API; by default the address's origin with http(s).
 */
chainUrl?: string | undefined, 
/**
 * True if a 0-conf channel from this gateway is accepted (its balance is shown as trusted until it confirms).
 */
trustZeroConf: boolean, };

/**
 * The wallet's money: Lightning and on-chain.
 */
export type Balance = { 
/**
 * This wallet's money in open channels, to the millisatoshi: its side of each channel, reserves included, without what is in
 * flight. It moves by amount and fee with every payment.
 */
lightningMsat: bigint, 
/**
 * The part of `lightningMsat` that one payment to a payee behind a gateway can send now (reserves, the gateway's fee and
 * offline gateways deducted).
 */
spendableMsat: bigint, 
/**
 * On its way from this wallet, in neither balance: the payees' when it arrives, else ours again.
 */
pendingOutboundMsat: bigint, 
/**
 * On its way to this wallet, in no balance yet.
 */
pendingInboundMsat: bigint, 
/**
 * The part of `lightningMsat` that stays in the channels while they are open (BOLT 2, `channelReserveSatoshis`).
 */
channelReserveMsat: bigint, 
/**
 * The part of `lightningMsat` that closing all channels by their commitment transactions would cost now: fees and anchors of
 * those that this wallet funds, and amounts too small for an output. Sweeping comes on top.
 */
closeCostMsat: bigint, 
/**
 * The part of `lightningMsat` in unconfirmed 0-conf channels: until they confirm it is the gateway's promise.
 */
trustedMsat: bigint, 
/**
 * Maximum that can be received over Lightning now.
 */
receivableMsat: bigint, 
/**
 * Money of closing channels that is not on-chain yet, or is being swept, in sat.
 */
closingSat: bigint, 
/**
 * Confirmed on-chain money, in sat, reserve included.
 */
onchainSat: bigint, 
/**
 * Unconfirmed deposits and change, in sat.
 */
onchainPendingSat: bigint, 
/**
 * On-chain money held back so that a channel can be closed at any fee (anchor reserve), in sat.
 */
reserveSat: bigint, };

/**
 * Direction of a payment.
 */
export type Direction = "inbound" | "outbound";

/**
 * Kind of a payment.
 */
export type PaymentKind = "bolt11" | "keysend" | "offer" | "amp" | "stream" | "onchain" | "channelOpen" | "channelClose";

/**
 * A payment's outcome: never a guess.
 */
export type PaymentStatus = { "state": "pending" } | { "state": "succeeded" } | { "state": "failed", 
/**
 * Reason and remedy.
 */
error: WalletError, };

/**
 * State of a part.
 */
export type PartState = "pending" | "succeeded" | "failed";

/**
 * One channel of a part's path and the node that it leads to.
 */
export type PartHop = { 
/**
 * The channel's short id or alias, `BLOCKxTXxOUT` (BOLT 7).
 */
channel: string, 
/**
 * Id of the node at its far end, in hex.
 */
node: string, };

/**
 * One part of an outbound Lightning payment.
 */
export type PaymentPart = { 
/**
 * The channels that it crosses: the first is this wallet's own, the last ends at the payee (at the introduction
 * node, when the payee hides behind a BOLT 12 blinded path).
 */
path: Array<PartHop>, 
/**
 * Amount that the payee gets by it.
 */
amountMsat: bigint, 
/**
 * Fee above that.
 */
feeMsat: bigint, 
/**
 * State.
 */
state: PartState, 
/**
 * Probability, in millionths, that it would arrive, as estimated when it was sent. `null`: not estimated.
 */
probabilityPpm: number | null, 
/**
 * Index in `path` of the channel that did not carry it, when that is known.
 */
failedAt: number | null, };

/**
 * A custom record of a payment's onion (BOLT 4, `payload`).
 */
export type CustomRecord = { 
/**
 * TLV type, 65536 or greater.
 */
type: bigint, 
/**
 * Value, in hex.
 */
value: string, };

/**
 * Totals of a stream of payments.
 */
export type StreamTotals = { 
/**
 * The payee's name for it: 1 to 64 bytes of UTF-8, in record 4279633 of each payment.
 */
session: string, 
/**
 * Number of payments that arrived.
 */
payments: bigint, 
/**
 * Number of payments that failed: no funds were sent.
 */
failed: bigint, 
/**
 * Amount in flight, not counted in the amount; fees not included.
 */
pendingMsat: bigint, 
/**
 * True if more may follow.
 */
open: boolean, 
/**
 * Error of the last one, if it failed.
 */
lastError?: WalletError, };

/**
 * A transaction of an on-chain payment that another one replaced.
 */
export type ReplacedTx = { 
/**
 * Transaction id, in hex.
 */
txid: string, 
/**
 * Amount that it paid; not there in records of before.
 */
amountMsat?: bigint, 
/**
 * Its mining fee.
 */
feeMsat: bigint | null, 
/**
 * True if it paid the money back to this wallet.
 */
cancels: boolean, };

/**
 * A payment: an entry of the history.
 */
export type Payment = { 
/**
 * Payment hash, AMP's set id, or transaction id, in hex: unique in this wallet together with the direction.
 */
id: string, 
/**
 * Direction.
 */
direction: Direction, 
/**
 * Kind.
 */
kind: PaymentKind, 
/**
 * Amount that the payee gets (outbound), or that we got or asked for (inbound). `null`: an invoice without amount.
 */
amountMsat: bigint | null, 
/**
 * Fee paid on top of the amount. Of money that came from a channel, what its close cost: the channel's balance before was the amount
 * and this. `null` where it is not known.
 */
feeMsat: bigint | null, 
/**
 * Description from the invoice, or the user's own.
 */
description: string, 
/**
 * The BOLT 11 text, for Lightning payments.
 */
invoice: string | null, 
/**
 * The payee's node id (hex) or address.
 */
payee: string | null, 
/**
 * The preimage, in hex: proof of payment.
 */
preimage: string | null, 
/**
 * The transaction, in hex, for on-chain movements: the last one, where transactions of it were replaced.
 */
txid: string | null, 
/**
 * Transactions of this payment that were replaced (BIP 125), oldest first. One of them may still be the one that confirms.
 */
replaced?: Array<ReplacedTx>, 
/**
 * True if the transaction pays the money back to this wallet: the payment was cancelled, and fails when that is buried.
 */
cancels?: boolean, 
/**
 * Confirmations of that transaction; 0 while it waits.
 */
confirmations: number, 
/**
 * Number of operators of chain sources that have shown an unconfirmed deposit. One alone may show what never confirms.
 */
seenBy?: number, 
/**
 * Number of channels crossed by the longest part.
 */
hops: number | null, 
/**
 * Time at which it was made (seconds since the UNIX epoch).
 */
createdAt: bigint, 
/**
 * Time at which it ended (seconds since the UNIX epoch).
 */
settledAt: bigint | null, 
/**
 * Time at which an inbound invoice stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint | null, 
/**
 * Milliseconds between the request to pay and the proof.
 */
durationMs: bigint | null, 
/**
 * The parts of an outbound Lightning payment, failed ones included, in the order in which they were sent.
 */
parts: Array<PaymentPart>, 
/**
 * Records that a keysend carried beside the money.
 */
records?: Array<CustomRecord>, 
/**
 * What the application said of its invoice (`Receive`); payers do not see it.
 */
metadata?: { [key in string]?: string }, 
/**
 * Price of bitcoin when it succeeded, where the page had told it (`SetRate`).
 */
rate?: FiatRate, 
/**
 * Totals of a stream: `amountMsat` and `feeMsat` are then the sums paid so far.
 */
stream?: StreamTotals, } & ({ "state": "pending" } | { "state": "succeeded" } | { "state": "failed", 
/**
 * Reason and remedy.
 */
error: WalletError, });

/**
 * State of a channel.
 */
export type ChannelState = { "state": "negotiating" } | { "state": "confirming", 
/**
 * Number of confirmations so far.
 */
confirmations: number, 
/**
 * Number of confirmations that are needed.
 */
needed: number, } | { "state": "ready" } | { "state": "offline" } | { "state": "closing" };

/**
 * A channel.
 */
export type Channel = { 
/**
 * Channel id, in hex (BOLT 2).
 */
id: string, 
/**
 * The gateway's node id, in hex.
 */
gateway: string, 
/**
 * Whole capacity, in sat.
 */
capacitySat: bigint, 
/**
 * This wallet's side, to the millisatoshi; with the gateway's side and what is in flight it makes the capacity.
 */
balanceMsat: bigint, 
/**
 * In flight from this wallet, not in `balanceMsat`.
 */
pendingOutboundMsat: bigint, 
/**
 * In flight to this wallet, not in `balanceMsat`.
 */
pendingInboundMsat: bigint, 
/**
 * The part of `balanceMsat` that stays in the channel while it is open.
 */
reserveMsat: bigint, 
/**
 * The part of `balanceMsat` that a close by this wallet's commitment transaction would cost now; sweeping comes on top.
 */
closeCostMsat: bigint, 
/**
 * The part of `balanceMsat` that a close together with the gateway would cost now, at most: nothing, if the gateway funded it.
 */
togetherCostMsat: bigint, 
/**
 * Maximum that can be sent through it.
 */
outboundMsat: bigint, 
/**
 * Maximum that can be received through it.
 */
inboundMsat: bigint, 
/**
 * Used without confirmation, on the gateway's word.
 */
trusted: boolean, 
/**
 * Number of other gateways that keep what punishes this one for every revoked commitment, should it broadcast one while this
 * wallet is away; 0: nobody does, or not for all of them.
 */
watchedBy: number, 
/**
 * `txid:vout` of the funding output.
 */
funding: string | null, } & ({ "state": "negotiating" } | { "state": "confirming", 
/**
 * Number of confirmations so far.
 */
confirmations: number, 
/**
 * Number of confirmations that are needed.
 */
needed: number, } | { "state": "ready" } | { "state": "offline" } | { "state": "closing" });

/**
 * The connection to a gateway.
 */
export type Connection = { "state": "connecting" } | { "state": "connected" } | { "state": "off" } | { "state": "waiting", 
/**
 * Time at which it is tried again (seconds since the UNIX epoch).
 */
until: bigint, 
/**
 * Reason for which the last one ended, with the remedy.
 */
error: WalletError, };

/**
 * Terms on which a gateway opens channels to wallets.
 */
export type ChannelTerms = { 
/**
 * True if it opens channels to wallets.
 */
opensChannels: boolean, 
/**
 * True if it does so only for wallets with a token of its operator.
 */
needsToken: boolean, 
/**
 * Minimum capacity, in sat, of channels that either side opens.
 */
minCapacitySat: bigint, 
/**
 * Maximum capacity, in sat.
 */
maxCapacitySat: bigint, 
/**
 * Maximum number of channels per wallet.
 */
maxChannelsPerPeer: number, 
/**
 * True if its channels can be used before confirmation.
 */
zeroConf: boolean, 
/**
 * Base fee for forwarding, in msat.
 */
feeBaseMsat: number, 
/**
 * Proportional fee for forwarding, in parts per million.
 */
feePpm: number, 
/**
 * Base URL of backups of wallets (the Versioned Storage Service's operations are below it), where it offers them.
 */
backupUrl?: string, };

/**
 * A gateway and its connection.
 */
export type GatewayStatus = { 
/**
 * Node id, in hex.
 */
nodeId: string, 
/**
 * URL at which it is reached.
 */
url: string, 
/**
 * The connection.
 */
connection: Connection, 
/**
 * Terms, once it has sent them.
 */
terms: ChannelTerms | null, };

/**
 * The trust in chain sources that remains (docs/architecture.md, invariant 7).
 */
export type Trust = { 
/**
 * Number of sources that are configured.
 */
sources: number, 
/**
 * Number of them that agree on the tip and the filters.
 */
agreeing: number, 
/**
 * Sources that were caught giving wrong data.
 */
misbehaving: Array<string>, };

/**
 * State of the chain.
 */
export type ChainStatus = { 
/**
 * Height of our tip.
 */
height: number, 
/**
 * Hash of our tip, in hex.
 */
hash: string, 
/**
 * Time in our tip's header (seconds since the UNIX epoch).
 */
time: bigint, 
/**
 * Age of our tip: by its header's time, or for as long as nothing newer has come.
 */
tipAge: TipAge, 
/**
 * True if the wallet has seen every block up to the sources' tip, and that is not stale.
 */
synced: boolean, 
/**
 * Time at which the sources last responded; `null`: not since the wallet was opened (seconds since the UNIX epoch).
 */
checkedAt: bigint | null, 
/**
 * Number of blocks left to read, while not synced.
 */
blocksLeft: number, 
/**
 * Trust in the sources.
 */
trust: Trust, 
/**
 * Reason for which the last check failed, with the remedy.
 */
error: WalletError | null, };

/**
 * Age of the newest block known, where blocks come by themselves (on regtest every tip is recent).
 */
export type TipAge = "recent" | "old" | "stale";

/**
 * A warning for the user; the page has a text with the remedy for each.
 */
export type Warning = "oldCopy" | "laterState" | "usedElsewhere" | "otherInstallation" | "longUnsynced" | "noAnchorReserve" | "singleSource" | "sourcesDisagree" | "oldTip" | "backupWasOlder";

/**
 * When a wallet has to be open again, for a while and with a connection, so that no channel's money is at risk: a gateway that
 * cheats is punished in time, and what was received is claimed before it expires. It moves on with each block that the wallet sees.
 */
export type SafeUntil = { 
/**
 * Block height.
 */
height: number, 
/**
 * Time at which that block is expected, at one in ten minutes (seconds since the UNIX epoch).
 */
at: bigint, };

/**
 * Storage that saves nothing: meanwhile payments and requests that need it are refused, claims of on-chain money go out, and it
 * is tried again until it works.
 */
export type StorageTrouble = { 
/**
 * The reason, with the remedy: `storageFull` or `storage`.
 */
error: WalletError, 
/**
 * Time since which nothing was saved (seconds since the UNIX epoch).
 */
since: bigint, };

/**
 * State of the channels that a gateway has with a lost node.
 */
export type LostState = "open" | "inUse" | "closing" | "closed";

/**
 * What came of asking a peer that is no gateway, as a lost node, to close its channels with it.
 */
export type LostPeerState = "untried" | "unreachable" | "hungUp" | "silent" | "asked" | "gateway" | "closed";

/**
 * A channel of a lost node.
 */
export type LostChannel = { 
/**
 * Its id.
 */
channelId: string, 
/**
 * Its capacity, in sat.
 */
capacitySat: bigint, 
/**
 * What the gateway's commitment pays to the wallet, in sat, about: fees and HTLCs may take from it.
 */
walletSat: bigint, };

/**
 * A channel in a wallet's own list of its channels.
 */
export type ListedChannel = { 
/**
 * The peer, in hex.
 */
peer: string, 
/**
 * Its address; null: it is not known.
 */
address: string | null, 
/**
 * Id of the channel.
 */
channelId: string, 
/**
 * `txid:vout` of its funding.
 */
funding: string, 
/**
 * Its capacity, in sat.
 */
capacitySat: bigint, };

/**
 * An installation that a gateway knows.
 */
export type LostInstallation = { 
/**
 * Its node id, in hex.
 */
nodeId: string, 
/**
 * State of its channels with this gateway.
 */
state: LostState, 
/**
 * Time at which they will be closed (seconds since the UNIX epoch), while `state` says that they will; null otherwise.
 */
closesAt: bigint | null, 
/**
 * The channels.
 */
channels: Array<LostChannel>, 
/**
 * All its channels, with whatever peer, as it has left a list of them with the gateway: who to ask, and what to expect.
 */
listed: Array<ListedChannel>, };

/**
 * A gateway's answer.
 */
export type LostAnswer = { 
/**
 * Node id of the gateway, in hex.
 */
gateway: string, 
/**
 * Time of its answer (seconds since the UNIX epoch); null: it has not answered yet.
 */
answeredAt: bigint | null, 
/**
 * True if its clock and this device's differ by more than a day, so that it tells nothing: set the clock.
 */
wrongTime: boolean, 
/**
 * Lost installations that have channels with it, or had.
 */
installations: Array<LostInstallation>, };

/**
 * A peer that is no gateway, and an installation that had channels with it.
 */
export type LostPeer = { 
/**
 * Node id of the installation, in hex.
 */
nodeId: string, 
/**
 * Node id of the peer, in hex.
 */
peer: string, 
/**
 * Its address; null: it is not known, so that nobody can ask it but its operator.
 */
address: string | null, 
/**
 * What came of asking it.
 */
state: LostPeerState, 
/**
 * Time of the last attempt (seconds since the UNIX epoch); null: there was none.
 */
triedAt: bigint | null, 
/**
 * Time from which on it is asked next (seconds since the UNIX epoch); null: it is not.
 */
asksAt: bigint | null, 
/**
 * Channels that the installation has listed with it.
 */
listed: Array<ListedChannel>, 
/**
 * Channels whose state the peer was told to be lost, listed or not.
 */
asked: Array<string>, };

/**
 * What a restored wallet knows of the channels that earlier installations of its recovery phrase had. Money that their closes
 * paid is part of `closingSat` until it is in the savings, and an entry of the history then.
 */
export type LostChannels = { 
/**
 * True if gateways and other peers are asked to close them (`CloseLostChannels`).
 */
asksToClose: boolean, 
/**
 * Gateways that were asked since the wallet was opened.
 */
gateways: Array<LostAnswer>, 
/**
 * Other peers that the lost installations had channels with, as far as their lists, or these peers, tell.
 */
peers: Array<LostPeer>, };

/**
 * What waits for the backup.
 */
export type BackupMode = "required" | "lagging";

/**
 * A backup to be used. It is remembered in the wallet's storage.
 */
export type BackupOptions = { 
/**
 * Base URL of the server (VSS), http or https: `https://gateway.example/vss`.
 */
url: string, 
/**
 * Mode; `required` by default.
 */
mode?: BackupMode, 
/**
 * Name of this device, as the user's other devices show it: 1 to 64 bytes.
 */
deviceName: string, };

/**
 * State of the backup.
 */
export type BackupState = "current" | "behind" | "unreachable" | "refused";

/**
 * State of the backup.
 */
export type BackupStatus = { 
/**
 * Base URL of the server.
 */
url: string, 
/**
 * Mode.
 */
mode: BackupMode, 
/**
 * Name of this device.
 */
deviceName: string, 
/**
 * State.
 */
state: BackupState, 
/**
 * Time since which it is so (seconds since the UNIX epoch).
 */
since: bigint, 
/**
 * True if this device may act: it has taken the wallet over from every other one.
 */
active: boolean, 
/**
 * Number of records that the backup holds.
 */
records: number, 
/**
 * Bytes that were sent since the wallet was opened, padding included.
 */
sentBytes: bigint, 
/**
 * Number of requests that they took.
 */
requests: bigint, 
/**
 * Reason and remedy, when the state is `unreachable` or `refused`.
 */
error: WalletError | null, };

/**
 * A device that uses a wallet. All of them have its recovery phrase.
 */
export type Device = { 
/**
 * Its id: its public key, in hex.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Time at which it came to the wallet (seconds since the UNIX epoch).
 */
added: bigint, 
/**
 * Time at which it opened the wallet last (seconds since the UNIX epoch).
 */
lastSeen: bigint, 
/**
 * True for the device that was asked.
 */
this: boolean, };

/**
 * The device that has taken a wallet over.
 */
export type OtherDevice = { 
/**
 * Its name.
 */
name: string, 
/**
 * Time at which it took over (seconds since the UNIX epoch).
 */
since: bigint, };

/**
 * Progress of reading a backup while a wallet is opened.
 */
export type RestoreProgress = { 
/**
 * Number of records that were read.
 */
done: number, 
/**
 * Number of records in all.
 */
of: number, };

/**
 * Status of the wallet.
 */
export type Status = { 
/**
 * Network of this wallet.
 */
network: Network, 
/**
 * This wallet's node id, in hex.
 */
nodeId: string, 
/**
 * True if a payment could be sent now.
 */
ableToPay: boolean, 
/**
 * The chain.
 */
chain: ChainStatus, 
/**
 * The gateways, as configured.
 */
gateways: Array<GatewayStatus>, 
/**
 * Warnings for the user.
 */
warnings: Array<Warning>, 
/**
 * On-chain deposit that closing channels need so that their transactions confirm in time, in sat; 0: none.
 */
depositNeededSat: bigint, 
/**
 * Channels of earlier installations of the recovery phrase; only of a wallet that was restored from it.
 */
lost?: LostChannels, 
/**
 * Until when this wallet may stay closed; `null`: as long as one likes.
 */
safeUntil: SafeUntil | null, 
/**
 * The reason why nothing can be saved, while it cannot.
 */
storage: StorageTrouble | null, 
/**
 * The remote backup; null: there is none.
 */
backup: BackupStatus | null, 
/**
 * Names of stored records of the history and of budgets that cannot be read: they are passed over and kept, the rest is used.
 */
damaged: Array<string>, 
/**
 * Number of storage transactions since the engine started (measured: at most 4 per payment).
 */
commits: bigint, };

/**
 * Fee rates in sat per 1000 virtual bytes (so 1000 = 1 sat/vB), by wanted speed.
 */
export type FeeRates = { 
/**
 * Next block or two.
 */
fast: bigint, 
/**
 * Within an hour.
 */
normal: bigint, 
/**
 * Within a day.
 */
slow: bigint, };

/**
 * A durable event: something that happened to money. Stored, delivered at least once, removed when acknowledged.
 */
export type Event = { 
/**
 * Number, which rises by one with each event of this wallet; `Ack` takes it.
 */
id: bigint, 
/**
 * Time of the event (seconds since the UNIX epoch).
 */
at: bigint, } & ({ "type": "paymentReceived", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "paymentSent", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "paymentFailed", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "depositSeen", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "depositConfirmed", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "budgetUsed", 
/**
 * Its holder.
 */
holder: string, 
/**
 * Percentage that is used: 80 or 100.
 */
percent: number, 
/**
 * Amount spent, fees included.
 */
spentMsat: bigint, 
/**
 * Maximum.
 */
limitMsat: bigint, 
/**
 * Time at which the limit begins again (seconds since the UNIX epoch); `null`: it does not.
 */
until: bigint | null, } | { "type": "budgetLow", 
/**
 * Holder of the budget that draws.
 */
holder: string, 
/**
 * Holder of the one that is low.
 */
parent: string, 
/**
 * Amount that it has left.
 */
leftMsat: bigint, } | { "type": "channelPending", 
/**
 * Channel id, in hex.
 */
channelId: string, } | { "type": "channelReady", 
/**
 * Channel id, in hex.
 */
channelId: string, } | { "type": "channelClosed", 
/**
 * Channel id, in hex.
 */
channelId: string, 
/**
 * Reason, for a user.
 */
reason: string, });

/**
 * Kind of an event.
 */
export type EventKind = { "type": "paymentReceived", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "paymentSent", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "paymentFailed", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "depositSeen", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "depositConfirmed", 
/**
 * The payment.
 */
payment: Payment, } | { "type": "budgetUsed", 
/**
 * Its holder.
 */
holder: string, 
/**
 * Percentage that is used: 80 or 100.
 */
percent: number, 
/**
 * Amount spent, fees included.
 */
spentMsat: bigint, 
/**
 * Maximum.
 */
limitMsat: bigint, 
/**
 * Time at which the limit begins again (seconds since the UNIX epoch); `null`: it does not.
 */
until: bigint | null, } | { "type": "budgetLow", 
/**
 * Holder of the budget that draws.
 */
holder: string, 
/**
 * Holder of the one that is low.
 */
parent: string, 
/**
 * Amount that it has left.
 */
leftMsat: bigint, } | { "type": "channelPending", 
/**
 * Channel id, in hex.
 */
channelId: string, } | { "type": "channelReady", 
/**
 * Channel id, in hex.
 */
channelId: string, } | { "type": "channelClosed", 
/**
 * Channel id, in hex.
 */
channelId: string, 
/**
 * Reason, for a user.
 */
reason: string, };

/**
 * Notice that the engine sends to every connected page.
 */
export type Notice = { "notice": "event", 
/**
 * The event.
 */
event: Event, } | { "notice": "changed", 
/**
 * All of it, now.
 */
status: Status, 
/**
 * The money, now.
 */
balance: Balance, } | { "notice": "paymentChanged", 
/**
 * The entry, now.
 */
payment: Payment, } | { "notice": "stopped", 
/**
 * Reason and remedy.
 */
error: WalletError, };

/**
 * Options to open a wallet. The key is derived by the page beforehand (Argon2id in a throwaway worker).
 */
export type OpenOptions = { 
/**
 * Name of the wallet: 1 to 64 of `a-z 0-9 - _`.
 */
name: string, 
/**
 * Network; refused when the stored wallet is of another.
 */
network: Network, 
/**
 * Gateways, the first preferred.
 */
gateways: Array<Gateway>, 
/**
 * More chain sources (block-dn base URLs) beside the gateways' own.
 */
chainSources: Array<string>, 
/**
 * Mnemonic (BIP 39, English, 12 or 24 words) to create the wallet from.
 */
mnemonic?: string, 
/**
 * True if `mnemonic` is new, so that nothing before the present tip is searched. Otherwise the chain is searched from
 * `birthdayHeight`.
 */
fresh: boolean, 
/**
 * Height to search from, with a restored mnemonic; by default the release's checkpoint.
 */
birthdayHeight?: number, 
/**
 * Remote backup. With a fresh mnemonic it is set up; with one that is not, the wallet is restored from it: the newest state, whole,
 * or `backupNotFound`. An opened wallet knows its own: this changes nothing.
 */
backup?: BackupOptions, 
/**
 * File of `ExportBackup` to restore from, with its mnemonic: the money and the history; the channels rest, as after a
 * restore from a lagging backup. Refused when `backup` is given too and knows a newer state (`backupStale`).
 */
file?: Uint8Array, 
/**
 * True to take the wallet over from the device that has it. Otherwise opening is refused while another one has it
 * (`movedToAnotherDevice`).
 */
moveHere?: boolean, 
/**
 * True to negotiate commitments without a fee (BIP 431) with gateways that do too: their fee is paid, from on-chain money, when
 * a channel is closed by force. At most 114 HTLCs are in flight per direction then, instead of 483. Experimental.
 */
zeroFeeCommitments?: boolean, };

/**
 * Amount to send on-chain.
 */
export type SendAmount = { "type": "exact", "sat": bigint } | { "type": "all" };

/**
 * A query of the history.
 */
export type HistoryQuery = { 
/**
 * Id of the payment to start after; `null`: from the newest.
 */
before: string | null, 
/**
 * Maximum number of payments, 100 at most.
 */
limit: number, };

/**
 * Whether a gateway is asked for a channel before an invoice is made.
 */
export type ChannelOnDemand = "never" | "ifNeeded";

/**
 * A channel that a gateway opened for an amount. It costs nothing now: its funding is the gateway's.
 */
export type RequestedChannel = { 
/**
 * Channel id, in hex.
 */
channelId: string, 
/**
 * The gateway's node id, in hex.
 */
gateway: string, 
/**
 * Capacity, in sat.
 */
capacitySat: bigint, 
/**
 * True if it is used without confirmation: until a block holds its funding, money in it is the gateway's word.
 */
trusted: boolean, };

/**
 * A request to be paid.
 */
export type PaymentRequest = { 
/**
 * BOLT 11 text.
 */
invoice: string, 
/**
 * Payment hash, in hex; the payment's id in the history. Of an invoice for AMP it is none: each payment has an id of its own,
 * and names the invoice.
 */
paymentHash: string, 
/**
 * Time at which it stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint, 
/**
 * Reason for which the wallet cannot receive the amount now, with the remedy; null: it can.
 */
missing: WalletError | null, 
/**
 * The channel that was opened for it; left out: none had to be.
 */
channel?: RequestedChannel, };

/**
 * Cost of an on-chain payment.
 */
export type OnchainSend = { 
/**
 * Transaction id, in hex; `null` in a dry run.
 */
txid: string | null, 
/**
 * Amount that the address gets, in sat.
 */
amountSat: bigint, 
/**
 * Mining fee, in sat.
 */
feeSat: bigint, };

/**
 * A way to make a transaction that waits confirm sooner.
 */
export type BumpMethod = "replacement" | "child";

/**
 * A fee bump, or a cancellation, of a transaction that waits.
 */
export type OnchainBump = { 
/**
 * The new transaction's id, in hex; `null` in a dry run.
 */
txid: string | null, 
/**
 * Way.
 */
method: BumpMethod, 
/**
 * Fee rate, in sat per 1000 vB (of both transactions, with a child): asked for again, it gives the same.
 */
feeRate: bigint, 
/**
 * Mining fee of the new transaction, in sat: also the maximum that this costs.
 */
feeSat: bigint, 
/**
 * Amount that the payee gets then, in sat, where the fee is taken from it.
 */
amountSat?: bigint, 
/**
 * Mining fee of the transaction that it replaces, which is not paid then, in sat; 0 with a child.
 */
replacedFeeSat: bigint, };

/**
 * Fee of a Lightning payment that is not made yet.
 */
export type FeeQuote = { 
/**
 * Fee of the routes planned now, which most payments cost; `null`: no route is known yet.
 */
expectedFeeMsat: bigint | null, 
/**
 * Maximum fee that the payment is given by default, and that its budget reserves: what these routes and the retries that are
 * to be expected cost; nothing over a channel to the payee. No more than 1 % of the amount or 50 sat, whichever is greater; just
 * that while no route is known.
 */
maxFeeMsat: bigint, };

/**
 * Kind of a method of payment.
 */
export type PaymentMethodKind = "bolt11" | "amp" | "bolt12" | "bip353" | "lightningAddress" | "lnurl" | "unreadable" | "silentPayment" | "onchain";

/**
 * A price in a currency that is not bitcoin.
 */
export type CurrencyPrice = { 
/**
 * Three letters (ISO 4217).
 */
currency: string, 
/**
 * Amount, as a number of the currency's smallest units, such as cents.
 */
minorUnits: bigint, };

/**
 * Price of bitcoin in another currency.
 */
export type FiatRate = { 
/**
 * Currency (ISO 4217).
 */
currency: string, 
/**
 * Number of the currency's smallest units (cents) that one bitcoin costs.
 */
minorUnitsPerBtc: bigint, 
/**
 * Time at which it was asked for, in seconds since the UNIX epoch.
 */
at: bigint, };

/**
 * Terms of a BOLT 12 offer, as far as a user decides by them. Nobody has signed them.
 */
export type OfferTerms = { 
/**
 * Price of one item; `null`: the payer chooses, or it is in another currency.
 */
amountMsat: bigint | null, 
/**
 * Price of one item in another currency.
 */
price: CurrencyPrice | null, 
/**
 * Description; empty when there is none.
 */
description: string, 
/**
 * Name of who made it; empty when there is none.
 */
issuer: string, 
/**
 * Time at which it stops being payable; `null`: it does not (seconds since the UNIX epoch).
 */
expiresAt: bigint | null, 
/**
 * Maximum number of items at a time; `null`: exactly one; 0: there is no maximum.
 */
maxQuantity: bigint | null, };

/**
 * A method of payment that a text offers beside the one that would be used.
 */
export type PaymentMethod = { 
/**
 * Kind.
 */
kind: PaymentMethodKind, 
/**
 * True for Lightning.
 */
lightning: boolean, 
/**
 * Name, host or address that a user knows it by; `null`: it has none.
 */
name: string | null, 
/**
 * Reason for which it cannot be used, with the remedy; `null`: it could be.
 */
problem: WalletError | null, 
/**
 * Terms of a BOLT 12 offer; `null`: it is none, or cannot be read.
 */
offer: OfferTerms | null, };

/**
 * Meaning of a pasted text.
 */
export type Inspected = { "type": "bolt11", 
/**
 * Network that it is for: the wallet's.
 */
network: Network, 
/**
 * The invoice without scheme or white space, as `Pay` takes it.
 */
invoice: string, 
/**
 * Payee's node id, in hex.
 */
payee: string, 
/**
 * `null`: the payer chooses.
 */
amountMsat: bigint | null, 
/**
 * Description; empty when there is none.
 */
description: string, 
/**
 * Payment hash, in hex.
 */
paymentHash: string, 
/**
 * True if it is paid by AMP: any number of times until it expires, each time as a payment with an id of its own. The payment
 * hash then means nothing.
 */
amp: boolean, 
/**
 * Time at which it stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint, 
/**
 * Fee of the routes planned now, which most payments cost; `null`: no route is known yet, or no amount.
 */
expectedFeeMsat: bigint | null, 
/**
 * Maximum fee that `Pay` would spend by default, as in `FeeQuote`.
 */
maxFeeMsat: bigint, 
/**
 * Reason for which it cannot be paid now, with the remedy; `null`: it can be tried.
 */
problem: WalletError | null, 
/**
 * Amount that the payment link around it asks for, where the invoice leaves it to the payer.
 */
askedMsat: bigint | null, 
/**
 * Other methods of payment that the text offers, the preferred first.
 */
others: Array<PaymentMethod>, } | { "type": "onchain", 
/**
 * Network that it is for: the wallet's.
 */
network: Network, 
/**
 * The address.
 */
address: string, 
/**
 * Amount from the URI, in sat.
 */
amountSat: bigint | null, 
/**
 * Label from the URI.
 */
label: string | null, 
/**
 * Reason for which it cannot be paid now, with the remedy; `null`: it can be tried.
 */
problem: WalletError | null, 
/**
 * Other methods of payment that the text offers, the preferred first.
 */
others: Array<PaymentMethod>, } | { "type": "unsupported", 
/**
 * The methods, the preferred first; at least one.
 */
others: Array<PaymentMethod>, };

/**
 * A request. The comment of each names the value that is returned.
 */
export type Request = { "method": "balance" } | { "method": "status" } | { "method": "receive", 
/**
 * `null`: the payer chooses.
 */
amountMsat: bigint | null, 
/**
 * At most `MAX_DESCRIPTION` bytes.
 */
description: string, 
/**
 * Seconds until it expires; 3600 by default.
 */
expirySecs: number | null, 
/**
 * For AMP: payable any number of times until it expires, by whoever pays by AMP.
 */
amp: boolean, 
/**
 * Names and values that the application finds again in the `Payment`; the payer does not see them. At most
 * `MAX_METADATA` of them, with names of 1 to 40 and values of at most 500 characters. Not for AMP.
 */
metadata: { [key in string]?: string }, 
/**
 * Decides whether a gateway is asked for a channel when the amount cannot arrive through those that there are.
 */
channel: ChannelOnDemand, } | { "method": "cancelInvoice", 
/**
 * The payment's id.
 */
id: string, } | { "method": "newAddress" } | { "method": "inspect", 
/**
 * Text that a user pasted or scanned.
 */
text: string, 
/**
 * Amount that the user chose, for an invoice without one: the fee is quoted for it.
 */
amountMsat: bigint | null, } | { "method": "quoteFee", 
/**
 * Node id of the payee, in hex.
 */
payee: string, 
/**
 * Amount that the payee would get.
 */
amountMsat: bigint, } | { "method": "pay", 
/**
 * The invoice, or a text in which `inspect` finds one: `lightning:`, `bitcoin:` with `lightning=`, a sentence.
 */
invoice: string, 
/**
 * Amount, for invoices without one; by default what the text's link asks for.
 */
amountMsat: bigint | null, 
/**
 * Maximum routing fee; by default `maxFeeMsat`, and no more than `approvedMsat` leaves.
 */
maxFeeMsat: bigint | null, 
/**
 * Number of equal parts, for an invoice that is paid by AMP: as many, where the channels have room for that. By default as
 * many as the routes need.
 */
parts: number | null, 
/**
 * Budget that pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "keysend", 
/**
 * Node id of the payee, in hex.
 */
payee: string, 
/**
 * Amount that the payee gets.
 */
amountMsat: bigint, 
/**
 * Records for the payee, each type once. An even type that the payee does not know makes it refuse.
 */
records: Array<CustomRecord>, 
/**
 * Maximum routing fee; as in `Pay` by default.
 */
maxFeeMsat: bigint | null, 
/**
 * Budget that pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "openStream", 
/**
 * Node id of the payee, in hex.
 */
payee: string, 
/**
 * Name of the session at the payee, 1 to 64 bytes.
 */
session: string, 
/**
 * Changed in the transaction that opens it.
 */
records: Array<SiteRecord>, } | { "method": "streamPay", 
/**
 * The stream's id.
 */
stream: string, 
/**
 * Amount that the payee gets.
 */
amountMsat: bigint, 
/**
 * Maximum routing fee of this payment; as in `Pay` by default.
 */
maxFeeMsat: bigint | null, 
/**
 * Budget that pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "closeStream", 
/**
 * The stream's id.
 */
stream: string, } | { "method": "streams" } | { "method": "send", 
/**
 * The address.
 */
address: string, 
/**
 * Amount.
 */
amount: SendAmount, 
/**
 * Fee rate, in sat per 1000 vB; `null`: the normal rate.
 */
feeRate: bigint | null, 
/**
 * True to return only what it would cost.
 */
dryRun: boolean, 
/**
 * Budget that pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "bumpFee", 
/**
 * The payment's id.
 */
id: string, 
/**
 * Fee rate, in sat per 1000 vB; `null`: the fast rate, and more than the present one.
 */
feeRate: bigint | null, 
/**
 * True to return only what it would cost.
 */
dryRun: boolean, 
/**
 * True to take the fee of a replacement from the amount, so that the payee gets less: after a payment of everything
 * nothing else can pay it.
 */
fromAmount: boolean, } | { "method": "cancel", 
/**
 * The payment's id.
 */
id: string, 
/**
 * Fee rate, as in `BumpFee`.
 */
feeRate: bigint | null, 
/**
 * True to return only what it would cost.
 */
dryRun: boolean, } | { "method": "feeRates" } | { "method": "history" } & HistoryQuery | { "method": "setRate", 
/**
 * The price.
 */
rate: FiatRate | null, } | { "method": "payment", 
/**
 * Its id.
 */
id: string, } | { "method": "channels" } | { "method": "channelCost", 
/**
 * Capacity, in sat.
 */
capacitySat: bigint, } | { "method": "openChannel", 
/**
 * The gateway's node id, in hex.
 */
gateway: string, 
/**
 * Capacity, in sat.
 */
capacitySat: bigint, } | { "method": "requestChannel", 
/**
 * The gateway's node id, in hex.
 */
gateway: string, 
/**
 * Capacity, in sat.
 */
capacitySat: bigint, } | { "method": "closeChannel", 
/**
 * Channel id, in hex.
 */
channelId: string, 
/**
 * True to close without the gateway's cooperation: it costs more and takes longer (two weeks).
 */
force: boolean, } | { "method": "closeLostChannels", 
/**
 * False to leave them open after all, as far as they are.
 */
close: boolean, } | { "method": "budgets" } | { "method": "budgetOf", 
/**
 * Holder.
 */
holder: Holder, } | { "method": "openBudget", 
/**
 * Holder.
 */
holder: Holder, 
/**
 * Rules.
 */
rules: Rules, 
/**
 * Budget that it draws from.
 */
parent: number | null, } | { "method": "setBudgetRules", 
/**
 * Number of the budget.
 */
id: number, 
/**
 * Rules from now on.
 */
rules: Rules, } | { "method": "topUpBudget", 
/**
 * Number of the budget.
 */
id: number, 
/**
 * Amount to add.
 */
moreMsat: bigint, } | { "method": "closeBudget", 
/**
 * Number of the budget.
 */
id: number, } | { "method": "preview", 
/**
 * Amount that the payee would get.
 */
amountMsat: bigint, 
/**
 * Maximum fee, as quoted; by default the ceiling of all quotes, 1 % and at least 50 sat.
 */
maxFeeMsat: bigint | null, 
/**
 * Budget that would pay.
 */
authorization: Authorization, } | { "method": "spending", 
/**
 * The first day, `2026-11-22`; the earliest by default.
 */
from: string | null, 
/**
 * The last day; today by default.
 */
to: string | null, } | { "method": "signMessage", 
/**
 * The text: at most `MAX_TEXT` bytes.
 */
message: string, } | { "method": "verifyMessage", 
/**
 * The text: at most `MAX_TEXT` bytes.
 */
message: string, 
/**
 * Signature, as `signature`.
 */
signature: string, } | { "method": "logIn", 
/**
 * Domain, such as `site.com`: lower case, without a dot at its end.
 */
domain: string, 
/**
 * Challenge of the site: 32 bytes in hex, the `k1` of its link.
 */
challenge: string, } | { "method": "siteRecord", 
/**
 * Its key.
 */
key: string, } | { "method": "siteRecordKeys", 
/**
 * Only those that begin with this; empty: all.
 */
prefix: string, } | { "method": "setSiteRecords", 
/**
 * Changes; of one key the last counts.
 */
records: Array<SiteRecord>, } | { "method": "setBackup" } & BackupOptions | { "method": "endBackup", 
/**
 * True to end it here even when the server cannot be reached. Only for a user who says that no other device has used the
 * wallet since: otherwise this one continues with an old state.
 */
abandon: boolean, } | { "method": "devices" } | { "method": "renameDevice", 
/**
 * The device's id.
 */
id: string, 
/**
 * Its name: 1 to 64 bytes.
 */
name: string, } | { "method": "removeDevice", 
/**
 * The device's id.
 */
id: string, } | { "method": "exportBackup" } | { "method": "ack", 
/**
 * The event's id.
 */
id: bigint, } | { "method": "diagnostics" } | { "method": "close" };

