// Checks with TypeDoc that everything a user of the package can see is documented: a comment on every exported declaration
// and member, a unit where there is a number, and the errors of whatever can reject. Fails with a list of what lacks them.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, ReflectionKind } from 'typedoc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Words that tell a number's unit, or that it counts or numbers something. */
const UNIT =
  /msat|\bsat\b|sat\/|second|\bms\b|milliseconds|minute|\bdays?\b|percent|millionth|per million|bytes?|height|how many|\bnumber\b|budget|so many|rises by one|at most|positions?|index|blocks|confirmations|channels|status|transactions|generation|version|name|\bid\b|80 or 100|bits|payments|TLV/i;
/** Names that tell it by themselves. */
const NAMED = /(msat|sat|secs|ms|ppm|percent|height|count|bytes|minutes|version|epoch)$/i;

/** The source files of the package's entries, types-first as in `exports`. */
const entryPoints = [...new Set(Object.values(exports).flatMap((to) => (typeof to === 'object' ? [to.types] : [])))]
  .map((types) => join(root, 'src', relative('./dist', types).replace(/\.d\.ts$/, '.ts')))
  .filter((file) => !/\/(wasm|webln)\.ts$/.test(file));

const app = await Application.bootstrap({
  entryPoints,
  tsconfig: join(root, 'test/tsconfig.json'),
  excludePrivate: true,
  excludeExternals: true,
  skipErrorChecking: true,
});
const project = await app.convert();
if (project === undefined) process.exit(1);

const comment = ({ comment }) =>
  comment === undefined
    ? ''
    : [...comment.summary, ...comment.blockTags.flatMap(({ tag, content }) => [{ text: `${tag} ` }, ...content])]
        .map(({ text }) => text)
        .join('');
/** The comment of a declaration: its own, its signatures', its getter's. */
const documentation = (node) =>
  [node, ...(node.signatures ?? []), node.getSignature, ...(node.type?.declaration?.signatures ?? [])]
    .flatMap((part) => (part === undefined ? [] : [comment(part)]))
    .join('');
/** What is written around a member: on its type, and on the function whose options it belongs to. */
const around = (node) => {
  const parts = [];
  for (let at = node.parent; at !== undefined && !at.isProject(); at = at.parent) parts.push(documentation(at));
  return parts.join('\n');
};

const isNumeric = (type) =>
  (type?.type === 'intrinsic' && (type.name === 'number' || type.name === 'bigint')) ||
  (type?.type === 'union' && type.types.some(isNumeric)) ||
  (type?.type === 'optional' && isNumeric(type.elementType));
/** A member of a union is told apart by a field with literal values, which need no words. */
const isTag = ({ type }) =>
  (type?.type === 'literal' && type.value !== null) ||
  (type?.type === 'union' && type.types.every((t) => isTag({ type: t })));
const rejects = ({ type }) => type?.type === 'reference' && /^(Promise|AsyncGenerator|AsyncIterable)$/.test(type.name);

/** What a declaration lacks, for a reader who sees it and what stands around it. */
function* lacks(node) {
  const outer = around(node);
  const text = documentation(node);
  const inLiteral = node.parent.kind === ReflectionKind.TypeLiteral;
  if (text === '' && !isTag(node) && !(inLiteral && outer.includes(`\`${node.name}\``))) yield 'has no comment';
  const unit = (name, type) => isNumeric(type) && !NAMED.test(name) && !UNIT.test(text) && !UNIT.test(outer);
  if (node.kind !== ReflectionKind.TypeAlias && unit(node.name, node.type)) yield 'does not say its unit';
  for (const signature of [...(node.signatures ?? []), ...(node.type?.declaration?.signatures ?? [])]) {
    for (const { name, type } of signature.parameters ?? [])
      if (unit(name, type)) yield `does not say the unit of \`${name}\``;
    if (
      rejects(signature) &&
      !/@throws|rejects|never fails/i.test(text) &&
      !/every method rejects|@throws/i.test(outer)
    )
      yield 'can reject and has no @throws';
  }
}

const { Class, Function, Interface, Method, Property, TypeAlias, Variable, Accessor } = ReflectionKind;
const members = project
  .getReflectionsByKind(Class | Function | Interface | Method | Property | TypeAlias | Variable | Accessor)
  .filter((node) => node.overwrites === undefined && node.inheritedFrom === undefined);
const problems = new Set();
for (const node of members) {
  const [source] = node.sources ?? [];
  if (source?.fileName.includes('generated/')) continue;
  for (const what of lacks(node)) problems.add(`${source?.fileName}:${source?.line}: ${node.getFullName()} ${what}`);
}
if (members.length < 500) problems.add(`only ${members.length} members were found: is the check still right?`);
if (problems.size > 0) {
  console.error([...problems].sort().join('\n'));
  console.error(`\n${problems.size} complaints about ${members.length} exported declarations.`);
  process.exit(1);
}
console.log(`${members.length} exported declarations have a comment, units and errors.`);
