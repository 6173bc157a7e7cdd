delete window.SharedWorker;
