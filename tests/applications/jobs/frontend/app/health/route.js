export const dynamic = "force-dynamic";

// Of itself alone: while a release is made ready, the backend that it needs has no traffic yet.
export function GET() {
  return Response.json({ status: "ok", commit: process.env.CI_TOOL_COMMIT });
}
