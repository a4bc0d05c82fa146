/** No inline script or style, no foreign code; connections anywhere, as gateways and chain sources are the user's choice. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "connect-src 'self' https: wss: http: ws:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
