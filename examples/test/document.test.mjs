import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { gatewayUrl, get } from '../lib/network.mjs';

test("the gateway's document is OpenAPI 3.1 by OpenAPI's own schema", async () => {
  const document = (await get(`${gatewayUrl}/v1/openapi.json`)).json();
  const validator = new Validator();
  const result = await validator.validate(document);
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
  assert.equal(validator.version, '3.1');
  document.paths['/v1/invoices'].post.responses = 'none';
  assert.equal((await new Validator().validate(document)).valid, false, 'the check can fail');
});
