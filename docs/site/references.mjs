/** The reference pages that are made from sources: error codes, events, the gateway's API. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const protocol = join(dirname(fileURLToPath(import.meta.url)), '../../crates/protocol/src/page');

/** Names of the pages that are made. */
export const GENERATED = ['errors.md', 'events.md', 'gateway-api.md'];

const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();
const page = (title, body) => `---\ntitle: ${title}\n---\n\n# ${title}\n\n${body.trim()}\n`;

/**
 * The variants of a Rust enum with their comments.
 * @param {string} file
 * @param {string} name
 * @returns {{ name: string, comment: string }[]}
 */
export function variantsOf(file, name) {
  const source = readFileSync(join(protocol, file), 'utf8');
  const body = new RegExp(`pub enum ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`${file} has no enum ${name}`);
  const variants = [...body.matchAll(/((?:^ {4}\/\/\/.*\n)+)(?:^ {4}#.*\n)*^ {4}([A-Z]\w*)/gm)];
  return variants.map(([, comment = '', variant = '']) => ({
    name: lowerFirst(variant),
    comment: comment.replaceAll(/^ {4}\/\/\/ ?/gm, '').replaceAll(/\[`?([^\]`]*)`?\](\([^)]*\))?/g, '`$1`'),
  }));
}

/** Every code of `WalletError`. */
export function errorsPage() {
  const rows = variantsOf('error.rs', 'ErrorCode').map(({ name, comment }) => `| \`${name}\` | ${cell(comment)} |`);
  return page(
    'Errors',
    `Every failure is a \`WalletError\` with a \`code\` for programs, a \`message\` that names the remedy, and what lay below in \`cause\`.

Where a payment was to be made, \`outcome\` says what is known of it. \`notSent\`: no funds were sent. \`open\`: the wallet was closed, or its
engine ended, while the payment was under way: open the wallet again and ask \`wallet.payment(error.paymentId)\` before you pay for the same
thing again.

| code | |
|---|---|
${rows.join('\n')}`,
  );
}

/** Every event. */
export function eventsPage() {
  const rows = variantsOf('event.rs', 'EventKind').map(({ name, comment }) => `| \`${name}\` | ${cell(comment)} |`);
  return page(
    'Events',
    `\`for await (const event of wallet.events({ signal }))\`: each comes at least once, in this session or a later one, until \`event.ack()\`.

| type | |
|---|---|
${rows.join('\n')}`,
  );
}

const typeOf = (schema) => {
  if (schema === undefined) return '';
  if (schema.$ref !== undefined)
    return `[${schema.$ref.split('/').at(-1)}](#${schema.$ref.split('/').at(-1).toLowerCase()})`;
  if (schema.oneOf !== undefined)
    return schema.oneOf
      .map(typeOf)
      .filter((name) => name !== 'null')
      .join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  return [schema.type]
    .flat()
    .filter((name) => name !== 'null' && name !== undefined)
    .join(' or ');
};
const contentOf = (part) => typeOf(Object.values(part?.content ?? {})[0]?.schema);

function* operation(method, path, { summary, description, parameters = [], requestBody, responses }) {
  yield `### ${method.toUpperCase()} ${path}\n\n${[summary, description].filter(Boolean).join(' ')}\n`;
  if (parameters.length > 0 || requestBody !== undefined) {
    yield '| | in | |\n|---|---|---|';
    for (const { name, in: where, description: text = '', schema } of parameters)
      yield `| \`${name}\` | ${where} | ${cell(`${typeOf(schema)}. ${text}`)} |`;
    if (requestBody !== undefined) yield `| body | | ${contentOf(requestBody)} |`;
    yield '';
  }
  yield '| status | | |\n|---|---|---|';
  for (const [status, answer] of Object.entries(responses))
    yield `| ${status} | ${contentOf(answer)} | ${cell(answer.description ?? '')} |`;
  yield '';
}

function* schema(name, { description = '', properties = {}, required = [], enum: values }) {
  yield `### ${name}\n\n${description}\n`;
  if (values !== undefined) yield `One of ${values.map((value) => `\`${value}\``).join(', ')}.\n`;
  if (Object.keys(properties).length === 0) return;
  yield '| | | |\n|---|---|---|';
  for (const [field, of] of Object.entries(properties))
    yield `| \`${field}\`${required.includes(field) ? '' : '?'} | ${typeOf(of)} | ${cell(of.description ?? '')} |`;
  yield '';
}

/** The gateway's API for sites. @param {any} document OpenAPI, as `amplet-gateway openapi` prints it */
export function gatewayPage(document) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, it]) => [...operation(method, path, it)]),
  );
  const schemas = Object.entries(document.components.schemas).flatMap(([name, it]) => [...schema(name, it)]);
  return page(
    'The gateway’s API for sites',
    `${document.info.description}\n\nAs OpenAPI: \`GET /v1/openapi.json\` of a gateway, or \`amplet-gateway openapi\`.

## Requests

${operations.join('\n')}

## Types

${schemas.join('\n')}`,
  );
}
