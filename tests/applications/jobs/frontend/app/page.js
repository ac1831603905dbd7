export const dynamic = "force-dynamic";

// What the backend has, whichever release of it has the traffic.
export default async function Page() {
  const answer = await fetch(process.env.API_URL, { cache: "no-store" });
  if (!answer.ok) throw new Error(`the backend answers ${answer.status}`);
  const { jobs } = await answer.json();
  return (
    <main>
      <h1>Jobs</h1>
      <ul>
        {jobs.map((job) => (
          <li key={job.id}>{job.title}</li>
        ))}
      </ul>
    </main>
  );
}
