// Generated from crates/protocol by its example `types`; do not edit.

/** Version of the messages between page and engine. */
export const VERSION = 2;

/**
 * What went wrong, for programs. The names are part of the JavaScript API and never change meaning.
 */
export type ErrorCode = "invalidInput" | "invalidMnemonic" | "wrongPassphrase" | "walletExists" | "walletNotFound" | "corrupt" | "newerFormat" | "fenced" | "inUse" | "storageFull" | "storage" | "notAllowedHere" | "versionMismatch" | "walletCrashed" | "closed" | "invalidPaymentRequest" | "wrongNetwork" | "expired" | "alreadyPaid" | "amountMismatch" | "insufficientBalance" | "insufficientInbound" | "noRoute" | "payeeRefused" | "feeTooHigh" | "budgetRefused" | "approvalNeeded" | "gatewayOffline" | "nodeDown" | "wrongNodeKey" | "gatewayRefused" | "notAllowedByBrowser" | "chainSource" | "broadcastRejected" | "channelUnavailable" | "timeout" | "internal";

/**
 * What is in the way of a payment.
 */
export type NoRouteReason = "noPath" | "balance" | "inbound" | "capacity" | "feeBudget" | "delay" | "parts";

/**
 * Why there is no way for a payment, and what would work.
 */
export type NoRoute = { 
/**
 * What is in the way.
 */
reason: NoRouteReason, 
/**
 * The largest amount that would work as things stand; `null`: none is known.
 */
largestMsat: bigint | null, 
/**
 * The least fee found for what was left to send, where the fee limit is in the way.
 */
neededFeeMsat: bigint | null, };

/**
 * What a holder is.
 */
export type HolderKind = "user" | "site" | "app" | "device" | "child";

/**
 * Who may spend from a budget. A `site` has the origin of the frame that asks (`origin`) and that of the page it is in (`topLevel`), both as the
 * browser reports them (`https://example.org:8443`), never as a message says; a `user` has nothing more, the others an `id`
 * of 1 to 80 characters.
 */
export type Holder = { kind: 'user' } | { kind: 'site', origin: string, topLevel: string } | { kind: 'app' | 'device' | 'child', id: string };

/**
 * Where a window begins.
 */
export type WindowKind = "calendar" | "rolling";

/**
 * How long a window is. A calendar day has 23 or 25 hours when the clocks change; a rolling month has 30 days.
 */
export type WindowPeriod = "hour" | "day" | "week" | "month";

/**
 * At most so much in a time.
 */
export type WindowLimit = { 
/**
 * Where the time begins.
 */
kind: WindowKind, 
/**
 * How long it is.
 */
period: WindowPeriod, 
/**
 * At most so much in it.
 */
limitMsat: bigint, };

/**
 * Streaming: money becomes free evenly with time, and what is not used is kept for a while.
 */
export type StreamRate = { 
/**
 * So much becomes free each second; 10 bitcoin at most.
 */
perSecondMsat: bigint, 
/**
 * Unused seconds are kept up to so many (1 to 3600): at most `perSecondMsat` times this goes at once.
 */
keepSeconds: number, };

/**
 * What a budget allows. Every limit is for amount and fee together; what is null or empty does not limit. Any budget but the
 * user's has to be bounded: by a window, a rate, a total, or by asking about every payment (`askAboveMsat` 0).
 */
export type Rules = { 
/**
 * At most so much per payment.
 */
perPaymentMsat: bigint | null, 
/**
 * At most so much in a time; each kind and period once.
 */
windows: Array<WindowLimit>, 
/**
 * At most so much per second.
 */
rate: StreamRate | null, 
/**
 * At most so much ever, top-ups included.
 */
totalMsat: bigint | null, 
/**
 * Nothing from this time on, in seconds since the UNIX epoch.
 */
expiresAt: bigint | null, 
/**
 * The user is asked about each payment that costs more; 0 asks about every one.
 */
askAboveMsat: bigint | null, 
/**
 * What the money is for: at most 32 words of 1 to 32 characters of `a-z 0-9 -`; empty allows everything.
 */
purposes: Array<string>, };

/**
 * One of a budget's limits.
 */
export type BudgetRule = "perPayment" | "calendarHour" | "calendarDay" | "calendarWeek" | "calendarMonth" | "rollingHour" | "rollingDay" | "rollingWeek" | "rollingMonth" | "rate" | "total";

/**
 * How one of a budget's limits over time stands.
 */
export type LimitUsage = { 
/**
 * Which.
 */
rule: BudgetRule, 
/**
 * At most so much.
 */
limitMsat: bigint, 
/**
 * So much of it is spent, fees included.
 */
spentMsat: bigint, 
/**
 * So much of it is reserved for payments under way.
 */
reservedMsat: bigint, 
/**
 * So much can still be reserved.
 */
leftMsat: bigint, 
/**
 * When a calendar window ends, or what is spent now is free again in a rolling one (seconds since the UNIX epoch); null:
 * time does not end this limit.
 */
until: bigint | null, };

/**
 * A budget: a budget with a holder and rules.
 */
export type Budget = { 
/**
 * Its number in this wallet; 0 is the user's own.
 */
id: number, 
/**
 * Who may spend from it.
 */
holder: Holder, 
/**
 * The budget that it draws from: what is spent here counts there too, and that one's limits hold as well.
 */
parent: number | null, 
/**
 * What it allows.
 */
rules: Rules, 
/**
 * A closed budget allows nothing.
 */
closed: boolean, 
/**
 * How its limits over time stand.
 */
usage: Array<LimitUsage>, 
/**
 * Amount, in msat, that this budget and each one that it draws from still allow without a question: the least that one of
 * their limits over time leaves. Null: there is no such limit, or nothing goes without a question (one of them is closed,
 * has expired, or asks about every payment).
 */
leftMsat: bigint | null, };

/**
 * Who pays, and what for. None: the user, by hand.
 */
export type Authorization = { 
/**
 * Whose budget pays.
 */
holder: Holder, 
/**
 * What for, in the report: a word of 1 to 32 characters of `a-z 0-9 -`; `payment` by default.
 */
purpose?: string, 
/**
 * The user was shown exactly this payment and allows it to cost at most so much, fee included. It answers the budget's
 * question, once; its limits hold all the same. A holder without a budget gets one that asks about every payment.
 */
approvedMsat?: bigint, };

/**
 * Why a budget gives no money for a payment.
 */
export type BudgetReason = "ask" | "noBudget" | "approval" | "limit" | "expired" | "purpose" | "closed" | "invalid";

/**
 * Why a budget gives no money for a payment, for a prompt that says it. No funds were sent.
 */
export type BudgetRefusal = { 
/**
 * The budget that refuses or asks: the one that pays, or one that it draws from. Null: there is none.
 */
budget: number | null, 
/**
 * Why.
 */
reason: BudgetReason, 
/**
 * The limit that is in the way.
 */
rule: BudgetRule | null, 
/**
 * What that limit is, what goes without asking, or what the user allowed.
 */
limitMsat: bigint | null, 
/**
 * What that limit leaves.
 */
leftMsat: bigint | null, 
/**
 * What the payment costs at most, fee included.
 */
neededMsat: bigint | null, 
/**
 * When `neededMsat` will be free if nothing else is spent, or since when the budget has expired (seconds since the UNIX
 * epoch). Null: time alone does not help.
 */
until: bigint | null, };

/**
 * An error with a code for programs and a message for a user; the message names the remedy.
 */
export type WalletError = { 
/**
 * What went wrong.
 */
code: ErrorCode, 
/**
 * What went wrong and what to do, in English.
 */
message: string, 
/**
 * What lay below it, outermost first; empty when nothing did.
 */
causes: Array<string>, 
/**
 * Why there is no way for a payment; only where that is the error.
 */
noRoute?: NoRoute, 
/**
 * Why a budget gives no money; only with `budgetRefused` and `approvalNeeded`.
 */
budget?: BudgetRefusal, };

/**
 * What a payment would cost at most, and what its budget says to it: for the window that asks the user.
 */
export type Preview = { 
/**
 * What the payee gets.
 */
amountMsat: bigint, 
/**
 * Greatest fee.
 */
maxFeeMsat: bigint, 
/**
 * Both together: what `approvedMsat` has to be at least.
 */
neededMsat: bigint, 
/**
 * The holder's open budget as it is now; null: there is none.
 */
budget: Budget | null, 
/**
 * What the budget and each one that it draws from would still allow after this payment, by their tightest limit over time;
 * null: no limit over time, or the payment does not fit.
 */
leftAfterMsat: bigint | null, 
/**
 * `approvalNeeded` or `budgetRefused`, with why; null: it would be paid without asking.
 */
problem: WalletError | null, };

/**
 * What one holder spent on one day for one purpose.
 */
export type SpendingRow = { 
/**
 * The day on which it was decided, in the user's time zone: `2026-11-22`.
 */
date: string, 
/**
 * Who.
 */
holder: Holder, 
/**
 * What for.
 */
purpose: string, 
/**
 * So many payments.
 */
payments: number, 
/**
 * What the payees got.
 */
amountMsat: bigint, 
/**
 * What it cost on top.
 */
feeMsat: bigint, };

/**
 * What was spent.
 */
export type Spending = { 
/**
 * By day, holder and purpose.
 */
rows: Array<SpendingRow>, 
/**
 * The same as a spreadsheet reads it (RFC 4180); amounts in msat.
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
 * Who signed a text.
 */
export type VerifiedMessage = { 
/**
 * Whether the signature is one. Some key made it: it proves only what `nodeId` is known to be.
 */
valid: boolean, 
/**
 * The id of the node that signed, in hex; null when the signature is none.
 */
nodeId: string | null, };

/**
 * The proof of who logs in.
 */
export type Login = { 
/**
 * Who: a compressed public key, in hex. The same for every login at a domain, also from another device with the same
 * recovery phrase.
 */
key: string, 
/**
 * The challenge signed with it (ECDSA), DER in hex.
 */
signature: string, };

/**
 * The Bitcoin network of a wallet.
 */
export type Network = "mainnet" | "testnet4" | "signet" | "regtest";

/**
 * A gateway as configured: a node and where its WebSocket and chain API are.
 */
export type Gateway = { 
/**
 * `<node id, 66 hex digits>@<ws or wss URL>`; the path `/lightning/v1` is added when the URL has none.
 */
address: string, 
/**
 * Base URL of the block-dn API; by default the address's origin with http(s).
 */
chainUrl?: string, 
/**
 * Whether a 0-conf channel from this gateway is accepted (its balance is shown as trusted until it confirms).
 */
trustZeroConf: boolean, };

/**
 * The wallet's money. Everyday is Lightning, savings is on-chain.
 */
export type Balance = { 
/**
 * Everyday money that is ours in open channels, reserves included.
 */
lightningMsat: bigint, 
/**
 * The part of `lightningMsat` that can be sent now (reserves, pending HTLCs and offline gateways taken off).
 */
spendableMsat: bigint, 
/**
 * The part of `lightningMsat` in unconfirmed 0-conf channels: until they confirm it is the gateway's promise.
 */
trustedMsat: bigint, 
/**
 * What can be received over Lightning now.
 */
receivableMsat: bigint, 
/**
 * Everyday money on its way back to savings (closing channels, sweeps), in sat.
 */
closingSat: bigint, 
/**
 * Confirmed savings, in sat, reserve included.
 */
onchainSat: bigint, 
/**
 * Unconfirmed deposits and change, in sat.
 */
onchainPendingSat: bigint, 
/**
 * Savings held back so that a channel can be closed at any fee (anchor reserve), in sat.
 */
reserveSat: bigint, };

/**
 * Whether money came or went.
 */
export type Direction = "inbound" | "outbound";

/**
 * How money moved.
 */
export type PaymentKind = "bolt11" | "keysend" | "offer" | "stream" | "onchain" | "channelOpen" | "channelClose";

/**
 * A payment's outcome: never a guess.
 */
export type PaymentStatus = { "state": "pending" } | { "state": "succeeded" } | { "state": "failed", 
/**
 * Why, and what to do.
 */
error: WalletError, };

/**
 * What became of a part.
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
 * The id of the node at its far end, in hex.
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
 * What the payee gets by it.
 */
amountMsat: bigint, 
/**
 * What it costs above that.
 */
feeMsat: bigint, 
/**
 * What became of it.
 */
state: PartState, 
/**
 * How probable it was, in millionths, that it would arrive, by what was known when it left. `null`: not estimated.
 */
probabilityPpm: number | null, 
/**
 * Where it failed, when that is known: index in `path` of the channel that did not carry it.
 */
failedAt: number | null, };

/**
 * A custom record of a payment's onion (BOLT 4, `payload`).
 */
export type CustomRecord = { 
/**
 * Its TLV type, 65536 or greater.
 */
type: bigint, 
/**
 * Its value, in hex.
 */
value: string, };

/**
 * How a stream of payments stands.
 */
export type StreamTotals = { 
/**
 * The payee's name for it: 1 to 64 bytes of UTF-8, in record 4279633 of each payment.
 */
session: string, 
/**
 * Payments that arrived.
 */
payments: bigint, 
/**
 * Payments that failed: no funds were sent.
 */
failed: bigint, 
/**
 * On its way, not counted in the amount; fees not included.
 */
pendingMsat: bigint, 
/**
 * Whether more may follow.
 */
open: boolean, 
/**
 * Why the last one failed, if it did.
 */
lastError?: WalletError, };

/**
 * A line of the history.
 */
export type Payment = { 
/**
 * Unique in this wallet: payment hash, or transaction id, in hex.
 */
id: string, 
/**
 * In or out.
 */
direction: Direction, 
/**
 * How.
 */
kind: PaymentKind, 
/**
 * What the payee gets (outbound), or what we got or asked for (inbound). `null`: an invoice without amount.
 */
amountMsat: bigint | null, 
/**
 * Paid on top of the amount. `null` while it is not known.
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
 * The transaction, in hex, for on-chain movements.
 */
txid: string | null, 
/**
 * Confirmations of that transaction; 0 while it waits.
 */
confirmations: number, 
/**
 * Channels crossed by the longest part.
 */
hops: number | null, 
/**
 * When it was made (seconds since the UNIX epoch).
 */
createdAt: bigint, 
/**
 * When it ended (seconds since the UNIX epoch).
 */
settledAt: bigint | null, 
/**
 * When an inbound invoice stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint | null, 
/**
 * Milliseconds between the request to pay and the proof.
 */
durationMs: bigint | null, 
/**
 * The parts of an outbound Lightning payment, failed ones included, in the order in which they left.
 */
parts: Array<PaymentPart>, 
/**
 * What a keysend carried beside the money.
 */
records?: Array<CustomRecord>, 
/**
 * How a stream stands: `amountMsat` and `feeMsat` are then what has been paid so far.
 */
stream?: StreamTotals, } & ({ "state": "pending" } | { "state": "succeeded" } | { "state": "failed", 
/**
 * Why, and what to do.
 */
error: WalletError, });

/**
 * Where a channel is in its life.
 */
export type ChannelState = { "state": "negotiating" } | { "state": "confirming", 
/**
 * So many so far.
 */
confirmations: number, 
/**
 * So many are needed.
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
 * What can be sent through it.
 */
outboundMsat: bigint, 
/**
 * What can be received through it.
 */
inboundMsat: bigint, 
/**
 * Used without confirmation, on the gateway's word.
 */
trusted: boolean, 
/**
 * `txid:vout` of the funding output.
 */
funding: string | null, } & ({ "state": "negotiating" } | { "state": "confirming", 
/**
 * So many so far.
 */
confirmations: number, 
/**
 * So many are needed.
 */
needed: number, } | { "state": "ready" } | { "state": "offline" } | { "state": "closing" });

/**
 * The connection to a gateway.
 */
export type Connection = { "state": "connecting" } | { "state": "connected" } | { "state": "waiting", 
/**
 * When it is tried again (seconds since the UNIX epoch).
 */
until: bigint, 
/**
 * Why the last one ended, and what to do.
 */
error: WalletError, };

/**
 * On what terms a gateway opens channels to wallets.
 */
export type ChannelTerms = { 
/**
 * Whether it opens channels to wallets at all.
 */
opensChannels: boolean, 
/**
 * Smallest capacity, in sat, of channels either side opens.
 */
minCapacitySat: bigint, 
/**
 * Greatest capacity, in sat.
 */
maxCapacitySat: bigint, 
/**
 * Channels allowed per wallet.
 */
maxChannelsPerPeer: number, 
/**
 * Whether its channels can be used before confirmation.
 */
zeroConf: boolean, 
/**
 * What it charges for forwarding: base.
 */
feeBaseMsat: number, 
/**
 * What it charges for forwarding: parts per million.
 */
feePpm: number, };

/**
 * A gateway and its connection.
 */
export type GatewayStatus = { 
/**
 * Node id, in hex.
 */
nodeId: string, 
/**
 * Where it is reached.
 */
url: string, 
/**
 * The connection.
 */
connection: Connection, 
/**
 * What it offers, once it has told.
 */
terms: ChannelTerms | null, };

/**
 * What trust in chain sources remains (design invariant 7).
 */
export type Trust = { 
/**
 * How many sources are configured.
 */
sources: number, 
/**
 * How many of them agree on the tip and the filters.
 */
agreeing: number, 
/**
 * Sources that were caught giving wrong data.
 */
liars: Array<string>, };

/**
 * What is known of the chain.
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
 * Whether the wallet has seen every block up to the sources' tip.
 */
synced: boolean, 
/**
 * When the sources last answered; `null`: not since the wallet was opened (seconds since the UNIX epoch).
 */
checkedAt: bigint | null, 
/**
 * Blocks left to read, while not synced.
 */
blocksLeft: number, 
/**
 * What the sources' agreement is worth.
 */
trust: Trust, 
/**
 * Why the last check failed, and what to do.
 */
error: WalletError | null, };

/**
 * What a user should know, with its remedy; the page has a text for each.
 */
export type Warning = "longUnsynced" | "noAnchorReserve" | "singleSource" | "sourcesDisagree";

/**
 * All that a status line shows.
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
 * Whether a payment could leave now.
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
 * What a user should know.
 */
warnings: Array<Warning>, 
/**
 * Storage transactions since the engine started (measured: at most 4 per payment).
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
 * Something that happened to money. Stored, delivered at least once, gone when acknowledged.
 */
export type Event = { 
/**
 * Rises by one with each event of this wallet; what `Ack` takes.
 */
id: bigint, 
/**
 * When (seconds since the UNIX epoch).
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
 * Who holds it.
 */
holder: string, 
/**
 * 80 or 100.
 */
percent: number, 
/**
 * So much is spent, fees included.
 */
spentMsat: bigint, 
/**
 * Of so much.
 */
limitMsat: bigint, 
/**
 * When the limit begins anew (seconds since the UNIX epoch); `null`: it does not.
 */
until: bigint | null, } | { "type": "budgetLow", 
/**
 * Who holds the budget that draws.
 */
holder: string, 
/**
 * Who holds the one that is low.
 */
parent: string, 
/**
 * It has so much left.
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
 * Why, for a user.
 */
reason: string, });

/**
 * What happened.
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
 * Who holds it.
 */
holder: string, 
/**
 * 80 or 100.
 */
percent: number, 
/**
 * So much is spent, fees included.
 */
spentMsat: bigint, 
/**
 * Of so much.
 */
limitMsat: bigint, 
/**
 * When the limit begins anew (seconds since the UNIX epoch); `null`: it does not.
 */
until: bigint | null, } | { "type": "budgetLow", 
/**
 * Who holds the budget that draws.
 */
holder: string, 
/**
 * Who holds the one that is low.
 */
parent: string, 
/**
 * It has so much left.
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
 * Why, for a user.
 */
reason: string, };

/**
 * What the engine sends to every connected page.
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
 * The line, now.
 */
payment: Payment, } | { "notice": "stopped", 
/**
 * Why, and what to do.
 */
error: WalletError, };

/**
 * How to open a wallet. The key is derived by the page beforehand (Argon2id in a throwaway worker).
 */
export type OpenOptions = { 
/**
 * The wallet's name: 1 to 64 of `a-z 0-9 - _`.
 */
name: string, 
/**
 * Its network; refused when the stored wallet is of another.
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
 * Set to create the wallet from this mnemonic (BIP 39, English, 12 or 24 words).
 */
mnemonic?: string, 
/**
 * With `mnemonic`: the mnemonic is new, so nothing before the present tip is searched. Otherwise the chain is
 * searched from `birthdayHeight`.
 */
fresh: boolean, 
/**
 * With a restored mnemonic: the height to search from; by default the release's checkpoint.
 */
birthdayHeight?: number, };

/**
 * How much to send on-chain.
 */
export type SendAmount = { "type": "exact", "sat": bigint } | { "type": "all" };

/**
 * A page of the history.
 */
export type Page = { 
/**
 * Start after this line's id; `null`: from the newest.
 */
before: string | null, 
/**
 * At most so many, 100 at most.
 */
limit: number, };

/**
 * A request to be paid.
 */
export type PaymentRequest = { 
/**
 * BOLT 11 text.
 */
invoice: string, 
/**
 * In hex; the payment's id in the history.
 */
paymentHash: string, 
/**
 * When it stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint, 
/**
 * Whether the wallet can receive the amount now; if not, what is missing and what to do.
 */
missing: WalletError | null, };

/**
 * What an on-chain payment costs, or did cost.
 */
export type OnchainSend = { 
/**
 * In hex; `null` in a dry run.
 */
txid: string | null, 
/**
 * What the address gets, in sat.
 */
amountSat: bigint, 
/**
 * In sat.
 */
feeSat: bigint, };

/**
 * What a pasted text is.
 */
export type Inspected = { "type": "bolt11", 
/**
 * The wallet's network, which it is for.
 */
network: Network, 
/**
 * The invoice without scheme or white space: what `Pay` takes.
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
 * Its description; empty when there is none.
 */
description: string, 
/**
 * In hex.
 */
paymentHash: string, 
/**
 * When it stops being payable (seconds since the UNIX epoch).
 */
expiresAt: bigint, 
/**
 * Greatest fee that `Pay` would spend by default.
 */
maxFeeMsat: bigint, 
/**
 * Why it cannot be paid now and what to do; `null`: it can be tried.
 */
problem: WalletError | null, } | { "type": "onchain", 
/**
 * The wallet's network, which it is for.
 */
network: Network, 
/**
 * The address.
 */
address: string, 
/**
 * From the URI, in sat.
 */
amountSat: bigint | null, 
/**
 * From the URI.
 */
label: string | null, 
/**
 * Why it cannot be paid now and what to do.
 */
problem: WalletError | null, };

/**
 * A request. The comment of each names what is answered.
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
expirySecs: number | null, } | { "method": "newAddress" } | { "method": "inspect", 
/**
 * What a user pasted or scanned.
 */
text: string, } | { "method": "pay", 
/**
 * The invoice.
 */
invoice: string, 
/**
 * For invoices without amount.
 */
amountMsat: bigint | null, 
/**
 * Greatest routing fee; 1 % and at least 50 sat by default, and no more than `approvedMsat` leaves.
 */
maxFeeMsat: bigint | null, 
/**
 * Who pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "keysend", 
/**
 * Node id of who gets it, in hex.
 */
payee: string, 
/**
 * What the payee gets.
 */
amountMsat: bigint, 
/**
 * Told to the payee, each type once. An even type that the payee does not know makes it refuse.
 */
records: Array<CustomRecord>, 
/**
 * Greatest routing fee; as in `Pay` by default.
 */
maxFeeMsat: bigint | null, 
/**
 * Who pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "openStream", 
/**
 * Node id of who gets it, in hex.
 */
payee: string, 
/**
 * The payee's name for it, 1 to 64 bytes.
 */
session: string, } | { "method": "streamPay", 
/**
 * The stream's id.
 */
stream: string, 
/**
 * What the payee gets.
 */
amountMsat: bigint, 
/**
 * Greatest routing fee of this payment.
 */
maxFeeMsat: bigint, 
/**
 * Who pays; the user, by hand, when there is none.
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
 * How much.
 */
amount: SendAmount, 
/**
 * sat per 1000 vB; `null`: the normal rate.
 */
feeRate: bigint | null, 
/**
 * Only say what it would cost.
 */
dryRun: boolean, 
/**
 * Who pays; the user, by hand, when there is none.
 */
authorization: Authorization | null, } | { "method": "feeRates" } | { "method": "history" } & Page | { "method": "payment", 
/**
 * Its id.
 */
id: string, } | { "method": "channels" } | { "method": "openChannel", 
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
 * Without the gateway's cooperation: costs more and takes longer (two weeks).
 */
force: boolean, } | { "method": "budgets" } | { "method": "budgetOf", 
/**
 * Who.
 */
holder: Holder, } | { "method": "openBudget", 
/**
 * Who.
 */
holder: Holder, 
/**
 * What it allows.
 */
rules: Rules, 
/**
 * The budget that it draws from.
 */
parent: number | null, } | { "method": "setBudgetRules", 
/**
 * Which.
 */
id: number, 
/**
 * What it allows from now on.
 */
rules: Rules, } | { "method": "topUpBudget", 
/**
 * Which.
 */
id: number, 
/**
 * So much.
 */
moreMsat: bigint, } | { "method": "closeBudget", 
/**
 * Which.
 */
id: number, } | { "method": "preview", 
/**
 * What the payee would get.
 */
amountMsat: bigint, 
/**
 * Greatest fee; as in `Pay` by default.
 */
maxFeeMsat: bigint | null, 
/**
 * Who would pay.
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
 * At most `MAX_TEXT` bytes.
 */
message: string, } | { "method": "verifyMessage", 
/**
 * At most `MAX_TEXT` bytes.
 */
message: string, 
/**
 * As `signature`.
 */
signature: string, } | { "method": "logIn", 
/**
 * Such as `site.com`: lower case, without a dot at its end.
 */
domain: string, 
/**
 * What the site wants signed: 32 bytes in hex, the `k1` of its link.
 */
challenge: string, } | { "method": "ack", 
/**
 * The event's id.
 */
id: bigint, } | { "method": "diagnostics" } | { "method": "close" };

