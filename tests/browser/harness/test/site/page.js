console.log('the page is here');
window.count = 1;
