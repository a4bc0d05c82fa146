// Checks that everything a user of the package can see says what it is: a comment on every export and every member,
// a unit where there is a number, and the errors of whatever can reject. Fails with a list of what lacks them.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What tells a number's unit, or that it counts or numbers something. */
const UNIT =
  /msat|\bsat\b|sat\/|second|\bms\b|milliseconds|minute|\bdays?\b|percent|millionth|per million|bytes?|height|how many|\bnumber\b|budget|so many|rises by one|at most|positions?|index|blocks|confirmations|channels|status|transactions|generation|version|name|\bid\b|80 or 100|bits|payments|TLV/i;
/** Names that tell it by themselves. */
const NAMED = /(msat|sat|secs|ms|ppm|percent|height|count|bytes|minutes|version|epoch)$/i;

/** The source files of the package's entries, types-first as in `exports`. */
const entries = [
  ...new Set(Object.values(manifest.exports).flatMap((to) => (typeof to === 'object' ? [to.types] : []))),
]
  .map((types) => join(root, 'src', relative('./dist', types).replace(/\.d\.ts$/, '.ts')))
  .filter((file) => !file.endsWith('wasm.ts'));
const missing = entries.filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`exports in package.json name entries without a source: ${missing.join(', ')}`);
  process.exit(1);
}

const { config } = ts.readConfigFile(join(root, 'test/tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'test'));
const program = ts.createProgram(entries, options);
const checker = program.getTypeChecker();
const problems = new Set();
const seen = new Set();
let members = 0;

const documentation = (node) =>
  ts
    .getJSDocCommentsAndTags(node)
    .map((part) => part.getText())
    .join('\n') ||
  (ts.getLeadingCommentRanges(node.getSourceFile().text, node.getFullStart()) ?? [])
    .map(({ pos, end }) => node.getSourceFile().text.slice(pos, end))
    .filter((text) => text.startsWith('/**'))
    .join('\n');

function complain(node, name, what) {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  problems.add(`${relative(root, file.fileName)}:${line + 1}: ${name} ${what}`);
}

/** A member of a union is told apart by a field with literal values; they say it themselves. */
const isLiteral = (type) => ts.isLiteralTypeNode(type) && type.literal.kind !== ts.SyntaxKind.NullKeyword;
const isTag = (node) =>
  ts.isPropertySignature(node) &&
  node.type !== undefined &&
  (isLiteral(node.type) || (ts.isUnionTypeNode(node.type) && node.type.types.every(isLiteral)));

function isNumeric(type) {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some(
    (part) =>
      (part.flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike)) !== 0 &&
      !part.isNumberLiteral() &&
      (part.flags & ts.TypeFlags.BigIntLiteral) === 0,
  );
}

function rejects(node) {
  const signature = checker.getSignatureFromDeclaration(node);
  const name = signature === undefined ? '' : checker.typeToString(checker.getReturnTypeOfSignature(signature));
  return /^(Promise|AsyncGenerator|AsyncIterable)\b/.test(name);
}

/** Says how it fails, by itself or for the whole class. */
const tellsErrors = (text, whole) =>
  /@throws|rejects|never fails/i.test(text) || /every method rejects|@throws/i.test(whole);

/** A function, method or function-valued property. `whole`: what is said for the whole class. */
function checkCall(node, name, text, whole) {
  for (const parameter of node.parameters) {
    const type = checker.getTypeAtLocation(parameter);
    const called = parameter.name.getText();
    if (isNumeric(type) && !NAMED.test(called) && !UNIT.test(text))
      complain(node, name, `does not say the unit of \`${called}\``);
    if (parameter.type !== undefined) visitType(parameter.type, name, text);
  }
  if (rejects(node) && !tellsErrors(text, whole)) complain(node, name, 'can reject and has no @throws');
  if (node.type !== undefined) visitType(node.type, name, text);
}

/** `around`: the comment of the class, or of the function whose options these are, which may name the member. */
function checkMember(node, owner, around) {
  if (ts.isSemicolonClassElement(node) || ts.isIndexSignatureDeclaration(node)) return;
  const flags = ts.getCombinedModifierFlags(node);
  if ((flags & ts.ModifierFlags.Private) !== 0 || (node.name !== undefined && ts.isPrivateIdentifier(node.name)))
    return;
  const name = `${owner}.${node.name?.getText() ?? 'constructor'}`;
  members += 1;
  const text = documentation(node);
  if (isTag(node) || (flags & ts.ModifierFlags.Override) !== 0) return;
  const told =
    text !== '' ||
    (ts.isTypeLiteralNode(node.parent) && node.name !== undefined && around.includes(`\`${node.name.getText()}\``));
  if (!told) return complain(node, name, 'has no comment');
  if (ts.isFunctionLike(node)) return checkCall(node, name, text, around);
  if (node.type !== undefined && ts.isFunctionTypeNode(node.type)) return checkCall(node.type, name, text, around);
  if (isNumeric(checker.getTypeAtLocation(node)) && !NAMED.test(name) && !UNIT.test(text) && !UNIT.test(around))
    complain(node, name, 'does not say its unit');
  if (node.type !== undefined) visitType(node.type, name, text);
}

/** Literal types and functions below a type have members of their own; named ones are looked up. */
function visitType(node, owner, around) {
  if (ts.isTypeLiteralNode(node)) node.members.forEach((member) => checkMember(member, owner, around));
  else if (ts.isTypeReferenceNode(node)) {
    const symbol = checker.getSymbolAtLocation(node.typeName);
    if (symbol !== undefined) visitSymbol(symbol);
    node.typeArguments?.forEach((argument) => visitType(argument, owner, around));
  } else
    ts.forEachChild(node, (child) => {
      if (ts.isTypeNode(child)) visitType(child, owner, around);
    });
}

function visitSymbol(given) {
  const symbol = (given.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(given) : given;
  if (seen.has(symbol)) return;
  seen.add(symbol);
  for (const node of symbol.declarations ?? []) {
    if (
      program.isSourceFileFromExternalLibrary(node.getSourceFile()) ||
      program.isSourceFileDefaultLibrary(node.getSourceFile())
    )
      continue;
    if (node.getSourceFile().fileName.includes('/generated/') || ts.isTypeParameterDeclaration(node)) continue;
    const commented = ts.isVariableDeclaration(node) ? node.parent.parent : node;
    const text = documentation(commented);
    members += 1;
    if (text === '') complain(node, symbol.name, 'has no comment');
    if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node))
      node.members.forEach((member) => checkMember(member, symbol.name, text));
    else if (ts.isTypeAliasDeclaration(node))
      ts.isFunctionTypeNode(node.type)
        ? checkCall(node.type, symbol.name, text, '')
        : visitType(node.type, symbol.name, text);
    else if (ts.isFunctionDeclaration(node)) checkCall(node, symbol.name, text, '');
    else if (ts.isVariableDeclaration(node) && node.type !== undefined) visitType(node.type, symbol.name, text);
  }
}

for (const file of entries) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  for (const symbol of checker.getExportsOfModule(module)) visitSymbol(symbol);
}
if (members < 100) problems.add(`only ${members} members were found: is the check still right?`);
if (problems.size > 0) {
  console.error([...problems].sort().join('\n'));
  console.error(`\n${problems.size} of ${members} exported members lack a comment, a unit or their errors.`);
  process.exit(1);
}
console.log(`${members} exported members say what they are.`);
