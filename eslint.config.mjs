// typescript-eslint rather than Biome: it lints Svelte whole and knows types, and its jsdoc rules see to the package's
// documentation. Form is Prettier's.

import js from '@eslint/js';
import jsdoc from 'eslint-plugin-jsdoc';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

/** The longest line, of what Prettier cannot break: comments. Texts, templates and patterns may be as long as they are. */
const LINE = {
  code: 140,
  ignoreUrls: true,
  ignoreStrings: true,
  ignoreTemplateLiterals: true,
  ignoreRegExpLiterals: true,
};

/** Rules about `any`, for places that have to do with it. */
const UNSAFE = Object.fromEntries(
  ['argument', 'assignment', 'call', 'member-access', 'return'].map((what) => [
    `@typescript-eslint/no-unsafe-${what}`,
    'off',
  ]),
);

export default ts.config(
  {
    ignores: [
      '**/dist/',
      '**/dist-fake/',
      '**/paraglide/',
      'pkg/generated/',
      'pkg/test/generated/',
      'docs/site/generated/',
      // A declaration for programs that ask for it; the package's tests compile it.
      'pkg/src/webln.d.ts',
      // Generated from crates/protocol.
      'pkg/src/base/protocol.ts',
      'crates/',
      'target*/',
      'e2e/test-results/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  ts.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-len': ['error', LINE],
      '@typescript-eslint/no-unused-expressions': ['error', { allowTernary: true, allowShortCircuit: true }],
      // TypeScript says what is not defined.
      'no-undef': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.ts', '**/*.svelte'],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      // What implements an asynchronous interface is `async` to reject instead of throwing, with or without an `await`.
      '@typescript-eslint/require-await': 'off',
      // What was caught is thrown again as it came.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
      // Messages quote whatever was given.
      '@typescript-eslint/no-base-to-string': 'off',
    },
  },
  {
    files: ['pkg/src/**/*.ts', 'pkg/test/**/*.ts'],
    languageOptions: {
      parserOptions: {
        projectService: false,
        project: ['pkg/tsconfig.json', 'pkg/tsconfig.node.json', 'pkg/test/tsconfig.json'],
      },
    },
  },
  { files: ['pkg/vitest.config.ts'], extends: [ts.configs.disableTypeChecked] },
  svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // Maps and sets that no template reads are plain ones.
      'svelte/prefer-svelte-reactivity': 'off',
      // Props are declared with `let`, as Svelte's documentation has it.
      'prefer-const': 'off',
      // The compiler's own warnings are svelte-check's; a mustache keeps the space around a text.
      'svelte/no-unused-svelte-ignore': 'off',
      'svelte/no-useless-mustaches': 'off',
      // To this linter a component imported from another is `any`; svelte-check knows what it is.
      ...UNSAFE,
    },
  },
  {
    files: ['pkg/src/**/*.ts'],
    ignores: ['pkg/src/**/*.d.ts'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: true },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'ExportNamedDeclaration > VariableDeclaration',
          ],
          checkConstructors: false,
        },
      ],
      'jsdoc/require-throws': 'error',
      'jsdoc/check-tag-names': ['error', { typed: true, definedTags: ['module', 'throws'] }],
      // The glue of the engine is there only once the wasm is built: to a linter without it, it is `any`.
      ...UNSAFE,
    },
  },
  {
    // Tests look at what came out as it came: JSON, pages, programs of others.
    files: ['**/test/**', 'e2e/**'],
    rules: {
      ...UNSAFE,
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // The engine's wasm throws plain objects, and so do its stand-ins.
      '@typescript-eslint/only-throw-error': 'off',
      // Playwright reads the names of fixtures from the pattern, `{}` for none.
      'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }],
    },
  },
);
