export function getServerSideProps({ req: request }) {
  return { props: request.counter.tell() };
}

export default function Page({ version, count }) {
  return (
    <main>
      Version {version} has counted to {count}.
    </main>
  );
}
