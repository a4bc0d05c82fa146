// What the stream's bench puts into its page; the package comes as it is built, without its sources.

export {};

declare global {
  var amplet: any;
  var wallet: any;
  var bench: any;
}
