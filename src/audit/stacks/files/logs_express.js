// Logs as JSON, a line for each request, with an id that the answer carries too.
app.use((request, response, next) => {
  const given = request.get("x-request-id") ?? "";
  const id = /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : crypto.randomUUID();
  const start = process.hrtime.bigint();
  response.set("x-request-id", id);
  response.on("finish", () => {
    const entry = {
      time: new Date().toISOString(),
      level: response.statusCode < 500 ? "info" : "error",
      request_id: id,
      method: request.method,
      path: request.originalUrl.split("?")[0],
      status: response.statusCode,
      milliseconds: Number(process.hrtime.bigint() - start) / 1e6,
    };
    console.log(JSON.stringify(entry));
  });
  next();
});
