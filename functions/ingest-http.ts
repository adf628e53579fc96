import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda'

import { serverlessHttpEdge } from '../lib/serverless/ingest/http-edge.ts'
import { invoke, type LambdaContext } from './aws.ts'
import { runtime } from './runtime.ts'

const answer = serverlessHttpEdge(runtime)

export function handler(
  { rawPath, headers, body = '', isBase64Encoded, requestContext: { http } }: LambdaFunctionURLEvent,
  context: LambdaContext,
): Promise<LambdaFunctionURLResult> {
  return invoke(context, async () => {
    const { status, ...rest } = await answer({
      method: http.method,
      path: rawPath,
      headers,
      body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    })
    return { statusCode: status, ...rest }
  })
}
