import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier/flat';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const adminOnly = {
  patterns: [
    {
      group: ['@shopify/polaris*', 'react', 'react-dom'],
      message: 'Polaris and React stay in the embedded admin: licence and weight.',
    },
  ],
};

// Plain JavaScript has no compiler that knows these.
const runtimeGlobals = [
  'URL',
  'WebAssembly',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'process',
  'setInterval',
  'setTimeout',
];

export default defineConfig(
  globalIgnores(['**/dist', '**/*.d.ts', '.data', '.shopify', 'web/db/generated']),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
  },
  {
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_' }],
      // Of typescript-eslint 8.73: it recurses without end on GraphQL's types.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Build nodes, or let the server draw.' },
        { property: 'insertAdjacentHTML', message: 'Build nodes, or let the server draw.' },
        { property: 'outerHTML', message: 'Build nodes, or let the server draw.' },
      ],
    },
  },
  { files: ['web/frontend/merchant/**'], extends: [reactHooks.configs.flat['recommended-latest']] },
  {
    files: ['web/frontend/buyer/**', 'extensions/**'],
    rules: { 'no-restricted-imports': ['error', adminOnly] },
  },
  {
    // execCommand('copy') is the last way to copy where the clipboard is not offered.
    files: ['web/frontend/buyer/client/**'],
    rules: { '@typescript-eslint/no-deprecated': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: Object.fromEntries(runtimeGlobals.map((name) => [name, 'readonly'])),
    },
  },
  prettier,
);
